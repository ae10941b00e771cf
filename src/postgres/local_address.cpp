#include "postgres/local_address.hpp"

#include <fmt/format.h>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

constexpr const char* kHurried = "-c statement_timeout=2000 -c search_path=pg_catalog";
constexpr const char* kUnhurried = "-c statement_timeout=0 -c search_path=pg_catalog";

bool is_any_or_loopback(std::string_view address) {
  return address == "*" || address == "localhost" || address == "0.0.0.0" || address == "127.0.0.1";
}

// The first address that is reachable from here without leaving the machine, else the first of all.
std::string tcp_host(std::string_view listen_addresses) {
  const auto addresses = split(listen_addresses, ',');
  for (const auto address : addresses) {
    if (is_any_or_loopback(trim(address))) return "localhost";
  }
  for (const auto address : addresses) {
    if (trim(address) == "::" || trim(address) == "::1") return "::1";
  }
  return std::string(trim(addresses.front()));
}

std::string configured_socket_directory(const model::Settings& settings) {
  const auto found = settings.postgresql.parameters.find("unix_socket_directories");
  if (found == settings.postgresql.parameters.end()) return {};
  for (const auto directory : split(found->second, ',')) {
    if (trim(directory).starts_with('/')) return std::string(trim(directory));
  }
  return {};
}

Conninfo to_address(const LocalAddress& address) {
  Conninfo conninfo{{"port", address.port}};
  if (!address.host.empty()) conninfo["host"] = address.host;
  if (!address.hostaddr.empty()) conninfo["hostaddr"] = address.hostaddr;
  return conninfo;
}

Conninfo superuser_conninfo(const model::Settings& settings, const PostmasterFile& file) {
  Conninfo conninfo = to_address(local_address(settings, file, settings.postgresql.use_unix_socket));
  // Looking for Kerberos tickets would touch files for nothing.
  conninfo["gssencmode"] = "disable";
  add_credentials(conninfo, settings.postgresql.superuser);
  conninfo["dbname"] = settings.postgresql.database;
  return conninfo;
}

}  // namespace

LocalAddress local_address(const model::Settings& settings, const PostmasterFile& file, bool by_unix_socket) {
  const std::uint16_t port = file.port != 0 ? file.port : settings.postgresql.port;
  LocalAddress address{.port = fmt::format("{}", port)};
  const bool has_started = file.port != 0;
  const std::string directory = has_started ? file.socket_directory : configured_socket_directory(settings);
  const bool has_tcp = has_started ? !file.listen_address.empty() : !settings.postgresql.listen_addresses.empty();
  const bool socket_is_configured = settings.postgresql.parameters.contains("unix_socket_directories");
  if ((by_unix_socket || !has_tcp) && (!directory.empty() || !socket_is_configured)) {
    address.host = directory;
    return address;
  }
  address.host = tcp_host(settings.postgresql.listen_addresses);
  // Spares a question to the resolver, behind which a slow DNS could stand.
  if (address.host == "localhost") address.hostaddr = "127.0.0.1";
  return address;
}

Conninfo local_conninfo(const model::Settings& settings, const PostmasterFile& file, const std::string& purpose) {
  Conninfo conninfo = superuser_conninfo(settings, file);
  conninfo["application_name"] = "Matriarch " + purpose;
  conninfo["connect_timeout"] = "3";
  conninfo["options"] = fmt::format("{} -c pg_stat_statements.track=none", kHurried);
  return conninfo;
}

Conninfo unhurried_conninfo(const model::Settings& settings, const PostmasterFile& file, const std::string& database) {
  Conninfo conninfo = superuser_conninfo(settings, file);
  conninfo["application_name"] = "Matriarch";
  conninfo["options"] = kUnhurried;
  if (!database.empty()) conninfo["dbname"] = database;
  return conninfo;
}

Conninfo local_replication_conninfo(const model::Settings& settings, const PostmasterFile& file) {
  Conninfo conninfo = to_address(local_address(settings, file, settings.postgresql.use_unix_socket_repl));
  conninfo["gssencmode"] = "disable";
  add_credentials(conninfo, settings.postgresql.replication);
  conninfo["replication"] = "1";
  conninfo["connect_timeout"] = "3";
  conninfo["options"] = "-c statement_timeout=2000";
  return conninfo;
}

}  // namespace matriarch::postgres
