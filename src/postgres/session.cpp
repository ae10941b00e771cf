#include "postgres/session.hpp"

namespace matriarch::postgres {

void Session::point_to(Conninfo conninfo) {
  if (conninfo == conninfo_) return;
  conninfo_ = std::move(conninfo);
  close();
}

void Session::close() {
  ++generation_;
  // A statement under way holds the connection by its pointer: it is dropped when the turn comes back.
  if (connection_ && connection_->usable()) connection_.reset();
}

asio::awaitable<QueryResult<Connection*>> Session::connected(Deadline deadline) {
  if (is_open()) co_return connection_.get();
  connection_.reset();
  const std::uint64_t generation = generation_;
  auto opened = co_await Connection::open(conninfo_, deadline);
  if (!opened) co_return tl::unexpected(opened.error());
  if (generation != generation_) co_return tl::unexpected(QueryError{.what = "the server is being restarted", .connection_lost = true});
  connection_ = std::move(*opened);
  server_version_ = connection_->server_version();
  co_return connection_.get();
}

asio::awaitable<QueryResult<Rows>> Session::query(std::string sql, Deadline deadline) {
  std::vector<std::string> none;
  return query(std::move(sql), std::move(none), deadline);
}

asio::awaitable<QueryResult<Rows>> Session::query(std::string sql, std::vector<std::string> parameters, Deadline deadline) {
  const auto turn = co_await turn_.take(deadline);
  if (!turn) co_return tl::unexpected(QueryError{.what = "no answer in time", .connection_lost = true, .timed_out = true});
  const auto connection = co_await connected(deadline);
  if (!connection) co_return tl::unexpected(connection.error());
  const std::uint64_t generation = generation_;
  auto rows = co_await (*connection)->query(std::move(sql), std::move(parameters), deadline);
  if (generation != generation_ || !(*connection)->usable()) connection_.reset();
  co_return rows;
}

}  // namespace matriarch::postgres
