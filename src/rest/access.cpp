#include "rest/access.hpp"

#include <algorithm>
#include <charconv>

#include "net/basic_auth.hpp"

namespace matriarch::rest {
namespace {

using boost::asio::ip::address;

std::array<unsigned char, 16> bytes_of(const address& given) {
  const auto v6 = given.is_v4() ? boost::asio::ip::make_address_v6(boost::asio::ip::v4_mapped, given.to_v4()) : given.to_v6();
  const auto bytes = v6.to_bytes();
  std::array<unsigned char, 16> result{};
  std::copy(bytes.begin(), bytes.end(), result.begin());
  return result;
}

bool matches(const std::vector<Network>& networks, const address& from) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& network) { return network.contains(from); });
}

// A Unix socket is guarded by its file's mode.
bool is_allowed_address(const AccessRules& rules, const net::PeerInfo& peer, bool from_member) {
  if (peer.is_unix) return true;
  const bool members_count = rules.members_allowed && !from_member;
  if (!rules.allowlist_configured && !members_count) return true;  // nothing restricts this call
  boost::system::error_code error;
  const auto from = boost::asio::ip::make_address(peer.address, error);
  if (error) return false;
  if (matches(rules.allowlist, from)) return true;
  // A failsafe round must come through although the list was written without it in mind.
  return from_member ? matches(rules.failsafe, from) : members_count && matches(rules.members, from);
}

// Browsers and Python's clients disagree on how a password beyond ASCII is encoded.
std::optional<std::string> to_latin1(std::string_view utf8) {
  std::string latin;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c < 0x80) {
      latin += utf8[i];
    } else if ((c == 0xC2 || c == 0xC3) && i + 1 < utf8.size()) {
      latin += static_cast<char>(((c & 0x03) << 6) | (static_cast<unsigned char>(utf8[++i]) & 0x3F));
    } else {
      return std::nullopt;
    }
  }
  return latin;
}

bool credentials_match(const AccessRules& rules, std::string_view header) {
  const auto given = net::parse_basic_auth(header);
  const std::string pair = given ? given->username + ":" + given->password : std::string();
  const std::string wanted = rules.username + ":" + rules.password;
  bool good = net::equals_in_constant_time(pair, wanted);
  if (const auto latin = to_latin1(wanted)) good |= net::equals_in_constant_time(pair, *latin);
  return good && given;
}

Answer unauthorized(std::string body) {
  Answer answer = text(401, std::move(body));
  answer.headers.push_back({"WWW-Authenticate", "Basic realm=\"Patroni\""});
  return answer;
}

}  // namespace

Network::Network(const address& given) : Network(given, given.is_v4() ? 32 : 128) {}

Network::Network(const address& given, unsigned bits) : prefix_(bytes_of(given)), bits_(given.is_v4() ? bits + 96 : bits) {
  for (unsigned bit = bits_; bit < 128; ++bit) {
    prefix_[bit / 8] = static_cast<unsigned char>(prefix_[bit / 8] & ~(0x80u >> (bit % 8)));
  }
}

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  boost::system::error_code error;
  const auto given = boost::asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error) return std::nullopt;
  if (slash == std::string_view::npos) return Network(given);
  const std::string_view length = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, bad] = std::from_chars(length.data(), length.data() + length.size(), bits);
  if (bad != std::errc{} || end != length.data() + length.size() || bits > (given.is_v4() ? 32u : 128u)) return std::nullopt;
  return Network(given, bits);
}

bool Network::contains(const address& from) const {
  const auto bytes = bytes_of(from);
  for (unsigned bit = 0; bit < bits_; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if ((bytes[bit / 8] & mask) != (prefix_[bit / 8] & mask)) return false;
  }
  return true;
}

std::optional<Answer> refuse(const AccessRules& rules, const net::PeerInfo& peer, const std::vector<net::Header>& headers, bool from_member) {
  if (!is_allowed_address(rules, peer, from_member)) return text(403, "Access is denied");
  if (rules.client_certificate_required && !peer.has_client_certificate && !peer.is_unix) return text(403, "client certificate required");
  if (rules.username.empty() && rules.password.empty()) return std::nullopt;
  const auto header = net::find_header(headers, "Authorization");
  if (!header) return unauthorized("no auth header received");
  if (!credentials_match(rules, *header)) return unauthorized("not authenticated");
  return std::nullopt;
}

}  // namespace matriarch::rest
