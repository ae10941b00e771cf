// `matriarch --validate-config`: every complaint at once.
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>

#include "main/configuration.hpp"
#include "main/programs.hpp"
#include "settings/local.hpp"
#include "settings/validate.hpp"
#include "system/fd.hpp"

namespace matriarch::main {
namespace {

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

}  // namespace

int validate_configuration(const std::string& file, bool ignore_listen_port) {
  if (const auto why = settings::why_unreadable(file)) {
    std::fprintf(stderr, "%s: %s\n", file.c_str(), why->c_str());
    return 1;
  }
  const auto loaded = settings::load({.path = file, .environment = process_environment()});
  settings::Complaints complaints = loaded.complaints;
  if (loaded.usable()) {
    const settings::Probes probes{.accepts_connections = accepts_connections, .postgres_major_version = postgres_major_version};
    for (auto& complaint : settings::validate(loaded.raw, probes, {.ignore_listen_port = ignore_listen_port})) complaints.push_back(std::move(complaint));
  }
  if (loaded.usable() && settings::is_witness(loaded.raw)) std::printf("there is no section postgresql: checked as a witness (matriarch witness FILE)\n");
  for (const auto& complaint : complaints) {
    const std::string right = complaint.right.empty() ? "" : "; " + complaint.right;
    std::fprintf(stderr, "%s%s\n", settings::to_validation_line(complaint).c_str(), right.c_str());
  }
  return settings::has_errors(complaints) ? 1 : 0;
}

}  // namespace matriarch::main
