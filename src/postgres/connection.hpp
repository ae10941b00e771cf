// A connection to a PostgreSQL server, by libpq, without ever blocking the loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/names.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/waiting.hpp"

struct pg_conn;

namespace matriarch::postgres {

struct QueryError {
  std::string what;               // one line
  std::string sqlstate;           // empty: it was not the server that refused
  bool connection_lost = false;   // the connection is of no use any more; a statement's outcome is unknown then
  bool timed_out = false;         // of these: because the deadline passed
};

using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;
template <typename T>
using QueryResult = model::Result<T, QueryError>;

class Connection {
 public:
  // Names are resolved without blocking. The error is libpq's message.
  static asio::awaitable<QueryResult<std::unique_ptr<Connection>>> open(Conninfo conninfo, Deadline deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // One statement, or several without parameters: then the rows of the last. After connection_lost, and when the
  // coroutine was cancelled meanwhile, the connection can only be dropped. One query at a time.
  asio::awaitable<QueryResult<Rows>> query(std::string sql, std::vector<std::string> parameters, Deadline deadline);
  asio::awaitable<QueryResult<Rows>> query(std::string sql, Deadline deadline);

  int server_version() const;
  int backend_pid() const;
  bool usable() const { return usable_; }
  // The text as a literal of SQL, quotes included.
  std::string literal(std::string_view text) const;
  std::string identifier(std::string_view text) const;
  // What the server stores instead of the password: a SCRAM verifier or an MD5 hash, by its password_encryption.
  std::optional<std::string> encrypt_password(const std::string& user, const std::string& password, const std::string& algorithm) const;

 private:
  Connection(asio::any_io_executor executor, pg_conn* connection);
  asio::awaitable<bool> establish(Deadline deadline);
  asio::awaitable<bool> flush(Deadline deadline);
  asio::awaitable<bool> await_result(Deadline deadline);
  QueryError broken(bool timed_out);

  asio::any_io_executor executor_;
  std::unique_ptr<pg_conn, void (*)(pg_conn*)> connection_;
  std::optional<asio::posix::stream_descriptor> socket_;  // a duplicate of libpq's, which closes its own
  bool usable_ = false;
};

}  // namespace matriarch::postgres
