#include "settings/address.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <fmt/format.h>

#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

bool is_ipv6(std::string_view text) {
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return port;
}

std::string_view without_brackets(std::string_view host) {
  if (host.starts_with('[')) host.remove_prefix(1);
  if (host.ends_with(']')) host.remove_suffix(1);
  return host;
}

std::string hosts_without_brackets(std::string_view hosts) {
  std::string result;
  for (const std::string& host : split_list(hosts)) {
    if (!result.empty()) result += ',';
    result += without_brackets(host);
  }
  return result;
}

// The last colon separates the port, unless all of it is one IPv6 address and what precedes the colon is none:
// "::1" and "fe80::2" have no port, "::1:5432" has.
bool has_no_port(std::string_view text, std::size_t colon) {
  if (colon == std::string_view::npos || text.ends_with(']')) return true;
  return is_ipv6(text) && !is_ipv6(text.substr(0, colon));
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= text.size()) return std::nullopt;
    const auto parsed = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
    if (parsed.ptr != text.data() + i + 3) return std::nullopt;
    result += static_cast<char>(byte);
    i += 2;
  }
  return result;
}

}  // namespace

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::optional<model::HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  const std::size_t colon = text.rfind(':');
  if (has_no_port(text, colon)) {
    if (default_port == 0) return std::nullopt;
    return model::HostPort{hosts_without_brackets(text), default_port};
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::nullopt;
  return model::HostPort{hosts_without_brackets(text.substr(0, colon)), *port};
}

std::optional<Url> parse_url(std::string_view text, std::uint16_t default_port) {
  Url url;
  if (text.starts_with("https://")) {
    url.https = true;
    text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  text = text.substr(0, text.find_first_of("/?#"));
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = text.substr(0, at);
    const std::size_t colon = user.find(':');
    const auto username = percent_decoded(user.substr(0, colon));
    const auto password = percent_decoded(colon == std::string_view::npos ? "" : user.substr(colon + 1));
    if (!username || !password) return std::nullopt;
    url.username = *username;
    url.password = *password;
    text.remove_prefix(at + 1);
  }
  const auto address = parse_host_port(text, default_port);
  if (!address || address->host.empty()) return std::nullopt;
  url.address = *address;
  return url;
}

}  // namespace matriarch::settings
