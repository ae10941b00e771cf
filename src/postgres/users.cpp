#include "postgres/users.hpp"

#include <fmt/format.h>

namespace matriarch::postgres {
namespace {

asio::awaitable<Outcome> run(Connection& connection, std::string sql, Deadline deadline) {
  const auto done = co_await connection.query(std::move(sql), deadline);
  if (!done) co_return failure(done.error().what);
  co_return Outcome();
}

asio::awaitable<std::string> password_encryption(Connection& connection, Deadline deadline) {
  std::string sql = "SELECT pg_catalog.current_setting('password_encryption')";
  const auto rows = co_await connection.query(std::move(sql), deadline);
  const std::string method = rows && !rows->empty() ? rows->front().front().value_or("") : std::string{};
  co_return method == "md5" ? method : std::string("scram-sha-256");
}

}  // namespace

asio::awaitable<Outcome> silence_logging(Connection& connection, Deadline deadline) {
  std::string sql =
      "SELECT pg_catalog.set_config(s.name, v.value, false) FROM pg_catalog.pg_settings s JOIN (VALUES ('log_statement', 'none'), "
      "('log_min_duration_statement', '-1'), ('log_min_error_statement', 'log'), ('pg_stat_statements.track_utility', 'off'), ('pgaudit.log', 'none'), "
      "('synchronous_commit', 'local')) v(name, value) ON s.name = v.name";
  return run(connection, std::move(sql), deadline);
}

asio::awaitable<Outcome> make_role(Connection& connection, model::Credentials credentials, std::string options, Deadline deadline) {
  std::string password;
  if (!credentials.password.empty()) {
    const std::string method = co_await password_encryption(connection, deadline);
    const auto verifier = connection.encrypt_password(credentials.username, credentials.password, method);
    if (!verifier) co_return failure(fmt::format("the password of {} could not be encrypted", credentials.username));
    password = " PASSWORD " + connection.literal(*verifier);
  }
  const std::string role = connection.identifier(credentials.username);
  const std::string with = fmt::format("ROLE {} WITH LOGIN {}{}", role, options, password);
  std::string sql = fmt::format("DO $matriarch$ BEGIN IF EXISTS (SELECT 1 FROM pg_catalog.pg_authid WHERE rolname = {}) THEN ALTER {}; ELSE CREATE {}; END IF; END "
                                "$matriarch$", connection.literal(credentials.username), with, with);
  const auto made = co_await run(connection, std::move(sql), deadline);
  if (!made) co_return failure(fmt::format("could not create the role {}: {}", credentials.username, made.error().what));
  co_return Outcome();
}

asio::awaitable<Outcome> grant_rewind(Connection& connection, std::string role, Deadline deadline) {
  std::string sql = fmt::format(
      "GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text, boolean, boolean), pg_catalog.pg_stat_file(text, boolean), "
      "pg_catalog.pg_read_binary_file(text), pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) TO {}", connection.identifier(role));
  return run(connection, std::move(sql), deadline);
}

}  // namespace matriarch::postgres
