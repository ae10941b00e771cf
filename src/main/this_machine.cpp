#include "main/this_machine.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

#include "system/fd.hpp"

namespace matriarch::main {
namespace {

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

std::string text_of(const addrinfo& address) {
  std::array<char, NI_MAXHOST> text{};
  const int failed = ::getnameinfo(address.ai_addr, address.ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return failed != 0 ? std::string() : std::string(text.data());
}

}  // namespace

bool accepts_connections(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  if (::getaddrinfo(host.empty() || host == "*" ? nullptr : host.c_str(), service.c_str(), &hints, &found) != 0) return false;
  bool accepted = false;
  for (const addrinfo* address = found; address && !accepted; address = address->ai_next) {
    const system::Fd socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    accepted = socket && ::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0;
  }
  ::freeaddrinfo(found);
  return accepted;
}

// "postgres (PostgreSQL) 15.6" -> "15"
std::optional<std::string> postgres_major_version(const std::string& directory, const std::string& name) {
  const std::string program = directory.empty() ? name : directory + "/" + name;
  for (const char c : program) {
    if (c == '\'') return std::nullopt;
  }
  std::FILE* pipe = ::popen(("'" + program + "' --version 2>/dev/null").c_str(), "re");
  if (!pipe) return std::nullopt;
  char line[256] = {};
  const char* read = std::fgets(line, sizeof line, pipe);
  if (::pclose(pipe) != 0 || !read) return std::nullopt;
  std::string text(line);
  const auto digit = text.find_first_of("0123456789");
  if (digit == std::string::npos) return std::nullopt;
  return text.substr(digit, text.find_first_not_of("0123456789", digit) - digit);
}

HostNames host_names() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(name.data(), nullptr, &hints, &found) != 0) return {};
  const Addresses addresses(found, ::freeaddrinfo);
  const addrinfo* chosen = addresses.get();
  for (const addrinfo* address = chosen; address != nullptr; address = address->ai_next) {
    if (address->ai_family == AF_INET) {
      chosen = address;
      break;
    }
  }
  return {.name = name.data(), .ip = text_of(*chosen)};
}

}  // namespace matriarch::main
