#include "main/preflight.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <sstream>
#include <vector>

#include "guardian/marks.hpp"
#include "guardian/run_directory.hpp"
#include "system/fd.hpp"
#include "system/unix_socket.hpp"

namespace matriarch::main {
namespace {

struct Port {
  const char* key;
  std::string host;  // may be empty or * for any address
  std::uint16_t number;
};

bool is_taken(const Port& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const bool any = port.host.empty() || port.host == "*";
  // A name that does not resolve and an address that is not ours are for the listener itself to complain about.
  if (::getaddrinfo(any ? nullptr : port.host.c_str(), std::to_string(port.number).c_str(), &hints, &found) != 0) return false;
  bool taken = false;
  for (const addrinfo* address = found; address && !taken; address = address->ai_next) {
    const system::Fd socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0) continue;
    if (address->ai_family == AF_INET6) (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    taken = ::bind(socket.get(), address->ai_addr, address->ai_addrlen) != 0 && errno == EADDRINUSE;
  }
  ::freeaddrinfo(found);
  return taken;
}

void add(std::vector<Port>& ports, const char* key, const std::string& hosts, std::uint16_t number) {
  if (number == 0) return;
  std::istringstream list(hosts);
  std::string host;
  bool is_empty = true;
  while (std::getline(list, host, ',')) {
    ports.push_back({key, host, number});
    is_empty = false;
  }
  if (is_empty) ports.push_back({key, "", number});
}

std::vector<Port> ports_of(const model::Settings& settings) {
  std::vector<Port> ports;
  add(ports, "postgresql.listen", settings.postgresql.listen_addresses, settings.postgresql.port);
  add(ports, "restapi.listen", settings.restapi.listen.host, settings.restapi.listen.port);
  if (const auto* embedded = std::get_if<model::EmbeddedStoreSettings>(&settings.store)) {
    add(ports, "embedded.listen", embedded->listen.host, embedded->listen.port);
    add(ports, "embedded.client_listen", embedded->client_listen.host, embedded->client_listen.port);
  }
  return ports;
}

bool has_left_something(const model::Settings& settings, const std::string& run_directory) {
  using guardian::Ward;
  for (const Ward ward : {Ward::kAgent, Ward::kStore, Ward::kPostgres}) {
    if (!guardian::find_marked(guardian::mark(ward, run_directory)).empty()) return true;
  }
  return guardian::find_postmaster(settings.postgresql.data_dir).has_value();
}

}  // namespace

std::optional<std::string> already_running(const model::Settings& settings, const std::string& run_directory) {
  if (!system::connect_seqpacket(guardian::control_path(run_directory))) return std::nullopt;
  return fmt::format("{} runs already (its guardian lives in {}); a second one would only disturb it", settings.name, run_directory);
}

std::optional<std::string> ports_in_use(const model::Settings& settings, const std::string& run_directory) {
  for (const Port& port : ports_of(settings)) {
    if (!is_taken(port) || has_left_something(settings, run_directory)) continue;
    if (!is_taken(port)) continue;  // the last of an earlier run ended between the two looks
    return fmt::format("{}: port {} on {} is in use by another program: stop that one (ss -ltnp 'sport = :{}' names it) or choose another port",
                       port.key, port.number, port.host.empty() ? "*" : port.host, port.number);
  }
  return std::nullopt;
}

}  // namespace matriarch::main
