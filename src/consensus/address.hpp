// "host:port" as it stands in configurations and in Raft's list of members.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::consensus {

struct HostPort {
  std::string host;  // IPv6 without brackets
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

// "10.0.0.1:7400", "db1:7400", "[::1]:7400"; nothing for anything else.
std::optional<HostPort> parse_host_port(std::string_view text);
std::string to_string(const HostPort& address);

}  // namespace matriarch::consensus
