#include "net/basic_auth.hpp"

#include <openssl/crypto.h>

#include <boost/beast/core/string.hpp>

#include "net/base64.hpp"

namespace matriarch::net {
namespace {

constexpr std::string_view kScheme = "Basic ";

}  // namespace

std::optional<BasicCredentials> parse_basic_auth(std::string_view header_value) {
  if (!boost::beast::iequals(header_value.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  std::string_view encoded = header_value.substr(kScheme.size());
  encoded.remove_prefix(std::min(encoded.find_first_not_of(' '), encoded.size()));
  const auto decoded = base64_decode(encoded);
  if (!decoded) return std::nullopt;
  const auto colon = decoded->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{.username = decoded->substr(0, colon), .password = decoded->substr(colon + 1)};
}

std::string make_basic_auth(const BasicCredentials& credentials) {
  return std::string(kScheme) + base64_encode(credentials.username + ":" + credentials.password);
}

bool is_authorized(const std::vector<Header>& headers, const BasicCredentials& expected) {
  const auto header = find_header(headers, "Authorization");
  if (!header) return false;
  const auto given = parse_basic_auth(*header);
  if (!given) return false;
  const bool same_name = equals_in_constant_time(given->username, expected.username);
  const bool same_password = equals_in_constant_time(given->password, expected.password);
  return same_name && same_password;
}

bool equals_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace matriarch::net
