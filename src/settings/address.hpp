// "host:port" as Patroni reads it, IPv6 included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/settings.hpp"

namespace matriarch::settings {

// "h:5432", "[::1]:5432", "::1:5432", "a,b:5432" (the hosts stay a comma list, without brackets). Without a port:
// `default_port`, or nothing when that is 0. A bare or bracketed IPv6 address without a port is understood.
std::optional<model::HostPort> parse_host_port(std::string_view text, std::uint16_t default_port);

// "http[s]://[user:password@]host[:port][/...]".
struct Url {
  bool https = false;
  std::string username, password;
  model::HostPort address;
  bool operator==(const Url&) const = default;
};
std::optional<Url> parse_url(std::string_view text, std::uint16_t default_port);

// The parts between commas, trimmed.
std::vector<std::string> split_list(std::string_view text);

}  // namespace matriarch::settings
