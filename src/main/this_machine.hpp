// What the generators and the validator want to know of the machine they run on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace matriarch::main {

bool accepts_connections(const std::string& host, std::uint16_t port);

// "15", as that program says of itself; `directory` empty: the one in PATH.
std::optional<std::string> postgres_major_version(const std::string& directory, const std::string& name);

struct HostNames {
  std::string name;  // empty, like the address, when it does not resolve
  std::string ip;    // IPv4 preferred
};
HostNames host_names();

}  // namespace matriarch::main
