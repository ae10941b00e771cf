// The agent's own connection to the local server: opened when it is needed, kept, used by one statement at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "postgres/connection.hpp"

namespace matriarch::postgres {

class Session {
 public:
  // Where the next connection goes; what is open is dropped if that differs.
  void point_to(Conninfo conninfo);
  const Conninfo& target() const { return conninfo_; }
  // No connection survives into the next postmaster.
  void close();
  bool is_open() const { return connection_ && connection_->usable(); }

  asio::awaitable<QueryResult<Rows>> query(std::string sql, std::vector<std::string> parameters, Deadline deadline);
  asio::awaitable<QueryResult<Rows>> query(std::string sql, Deadline deadline);
  // 0: never connected.
  int server_version() const { return server_version_; }

 private:
  asio::awaitable<QueryResult<Connection*>> connected(Deadline deadline);

  Conninfo conninfo_;
  std::unique_ptr<Connection> connection_;
  std::uint64_t generation_ = 0;  // of the target: a connection that was being opened to an old one is not kept
  int server_version_ = 0;
  Turn turn_;
};

}  // namespace matriarch::postgres
