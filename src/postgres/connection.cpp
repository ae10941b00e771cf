#include "postgres/connection.hpp"

#include <fcntl.h>
#include <libpq-fe.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

using Socket = asio::posix::stream_descriptor;

Socket duplicate_socket(const asio::any_io_executor& executor, PGconn* connection) {
  return Socket(executor, ::fcntl(PQsocket(connection), F_DUPFD_CLOEXEC, 0));
}

// An address needs no resolution, nor does a directory (a Unix socket) or an abstract one.
bool needs_resolution(std::string_view host) {
  if (host.empty() || host.starts_with('/') || host.starts_with('@')) return false;
  boost::system::error_code error;
  asio::ip::make_address(std::string(host), error);
  return error.failed();
}

// The system's resolver cannot be interrupted: this outlives a coroutine that gave up waiting.
struct Resolution {
  explicit Resolution(const asio::any_io_executor& executor, Deadline deadline) : resolver(executor), done(executor, deadline) {}
  asio::ip::tcp::resolver resolver;
  asio::steady_timer done;
  std::vector<std::string> addresses;
};

// All addresses of a name; empty when it has none or the deadline passed.
asio::awaitable<std::vector<std::string>> resolve(std::string host, Deadline deadline) {
  const auto resolution = std::make_shared<Resolution>(co_await asio::this_coro::executor, deadline);
  resolution->resolver.async_resolve(host, "", [resolution](const boost::system::error_code& error, const auto& results) {
    if (!error) {
      for (const auto& entry : results) resolution->addresses.push_back(entry.endpoint().address().to_string());
    }
    resolution->done.expires_at(Deadline::min());
  });
  boost::system::error_code expired;
  co_await resolution->done.async_wait(asio::redirect_error(asio::use_awaitable, expired));
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) throw boost::system::system_error(asio::error::operation_aborted);
  co_return std::move(resolution->addresses);
}

// libpq would resolve names itself, and block: it gets the addresses beside them ("hostaddr"), one host for each.
asio::awaitable<QueryResult<Conninfo>> with_addresses(Conninfo conninfo, Deadline deadline) {
  const auto host = conninfo.find("host");
  if (host == conninfo.end() || conninfo.contains("hostaddr")) co_return conninfo;
  const std::string host_text = host->second, port_text = conninfo.contains("port") ? conninfo["port"] : std::string{};
  const auto hosts = split(host_text, ',');
  const auto ports = split(port_text, ',');
  std::string host_list, address_list, port_list;
  bool resolved_any = false;
  const auto add = [&](std::string_view name, std::string_view address, std::string_view port) {
    const std::string_view comma = host_list.empty() && address_list.empty() ? "" : ",";
    host_list.append(comma).append(name);
    address_list.append(comma).append(address);
    port_list.append(comma).append(port);
  };
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const auto port = ports.size() == hosts.size() ? ports[i] : ports.front();
    if (!needs_resolution(hosts[i])) {
      add(hosts[i], "", port);
      continue;
    }
    resolved_any = true;
    const std::vector<std::string> addresses = co_await resolve(std::string(hosts[i]), deadline);
    if (addresses.empty()) co_return tl::unexpected(QueryError{.what = "could not resolve host name \"" + std::string(hosts[i]) + "\"", .connection_lost = true});
    for (const auto& address : addresses) add(hosts[i], address, port);
  }
  if (!resolved_any) co_return conninfo;
  conninfo["host"] = host_list;
  conninfo["hostaddr"] = address_list;
  if (!port_text.empty()) conninfo["port"] = port_list;
  co_return conninfo;
}

PGconn* start_connection(const Conninfo& conninfo) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : conninfo) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return PQconnectStartParams(keywords.data(), values.data(), 0);
}

using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

Rows read_rows(const PGresult* result) {
  Rows rows(static_cast<std::size_t>(PQntuples(result)));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (int column = 0; column < PQnfields(result); ++column) {
      const int row = static_cast<int>(i);
      if (PQgetisnull(result, row, column) != 0) {
        rows[i].emplace_back();
      } else {
        rows[i].emplace_back(std::string(PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))));
      }
    }
  }
  return rows;
}

QueryError read_error(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return {.what = one_line(primary != nullptr ? primary : PQresultErrorMessage(result)), .sqlstate = state != nullptr ? state : ""};
}

}  // namespace

Connection::Connection(asio::any_io_executor executor, pg_conn* connection) : executor_(std::move(executor)), connection_(connection, PQfinish) {}

Connection::~Connection() {
  socket_.reset();
}

asio::awaitable<QueryResult<std::unique_ptr<Connection>>> Connection::open(Conninfo conninfo, Deadline deadline) {
  auto resolved = co_await with_addresses(std::move(conninfo), deadline);
  if (!resolved) co_return tl::unexpected(resolved.error());
  const auto executor = co_await asio::this_coro::executor;
  std::unique_ptr<Connection> connection(new Connection(executor, start_connection(*resolved)));
  if (PQstatus(connection->connection_.get()) == CONNECTION_BAD) co_return tl::unexpected(connection->broken(false));
  const bool in_time = co_await connection->establish(deadline);
  if (!in_time || PQstatus(connection->connection_.get()) != CONNECTION_OK) co_return tl::unexpected(connection->broken(!in_time));

  PQsetnonblocking(connection->connection_.get(), 1);
  PQsetNoticeReceiver(connection->connection_.get(), [](void*, const PGresult*) {}, nullptr);
  connection->socket_.emplace(duplicate_socket(executor, connection->connection_.get()));
  connection->usable_ = true;
  co_return connection;
}

// False when the deadline passed. libpq may change its socket between two steps.
asio::awaitable<bool> Connection::establish(Deadline deadline) {
  for (auto step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK && step != PGRES_POLLING_FAILED; step = PQconnectPoll(connection_.get())) {
    Socket socket = duplicate_socket(executor_, connection_.get());
    const auto what = step == PGRES_POLLING_READING ? Socket::wait_read : Socket::wait_write;
    const bool ready = co_await wait_ready(socket, what, deadline);
    if (!ready) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> Connection::flush(Deadline deadline) {
  while (PQflush(connection_.get()) == 1) {
    // A server that cannot take more may be waiting for us to read; statements here are far smaller than its buffers.
    const bool ready = co_await wait_ready(*socket_, Socket::wait_write, deadline);
    if (!ready) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> Connection::await_result(Deadline deadline) {
  while (PQisBusy(connection_.get()) != 0) {
    const bool ready = co_await wait_ready(*socket_, Socket::wait_read, deadline);
    if (!ready) co_return false;
    if (PQconsumeInput(connection_.get()) == 0) break;  // PQgetResult then tells what went wrong
  }
  co_return true;
}

QueryError Connection::broken(bool timed_out) {
  usable_ = false;
  if (timed_out) return {.what = "no answer in time", .connection_lost = true, .timed_out = true};
  return {.what = one_line(PQerrorMessage(connection_.get())), .connection_lost = true};
}

asio::awaitable<QueryResult<Rows>> Connection::query(std::string sql, Deadline deadline) {
  std::vector<std::string> none;
  return query(std::move(sql), std::move(none), deadline);
}

asio::awaitable<QueryResult<Rows>> Connection::query(std::string sql, std::vector<std::string> parameters, Deadline deadline) {
  std::vector<const char*> values;
  for (const auto& parameter : parameters) values.push_back(parameter.c_str());
  const int sent = values.empty() ? PQsendQuery(connection_.get(), sql.c_str())
                                  : PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0);
  if (sent == 0) co_return tl::unexpected(broken(false));

  usable_ = false;  // until the last result was read: a cancelled coroutine leaves a connection that is good for nothing
  const bool flushed = co_await flush(deadline);
  if (!flushed) co_return tl::unexpected(broken(true));

  QueryResult<Rows> outcome;
  for (;;) {
    const bool in_time = co_await await_result(deadline);
    if (!in_time) co_return tl::unexpected(broken(true));
    const Result result(PQgetResult(connection_.get()), PQclear);
    if (!result) break;
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK) {
      outcome = read_rows(result.get());
    } else if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR) {
      outcome = tl::unexpected(read_error(result.get()));
    } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
      co_return tl::unexpected(broken(false));  // COPY: nothing here asks for it
    }
  }
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    auto lost = broken(false);
    if (!outcome) {
      outcome.error().connection_lost = true;
      co_return outcome;
    }
    co_return tl::unexpected(std::move(lost));
  }
  usable_ = true;
  co_return outcome;
}

int Connection::server_version() const { return PQserverVersion(connection_.get()); }
int Connection::backend_pid() const { return PQbackendPID(connection_.get()); }

std::string Connection::literal(std::string_view text) const {
  const std::unique_ptr<char, void (*)(void*)> escaped(PQescapeLiteral(connection_.get(), text.data(), text.size()), PQfreemem);
  return escaped ? std::string(escaped.get()) : std::string{"NULL"};
}

std::string Connection::identifier(std::string_view text) const {
  const std::unique_ptr<char, void (*)(void*)> escaped(PQescapeIdentifier(connection_.get(), text.data(), text.size()), PQfreemem);
  return escaped ? std::string(escaped.get()) : std::string{};
}

std::optional<std::string> Connection::encrypt_password(const std::string& user, const std::string& password, const std::string& algorithm) const {
  const std::unique_ptr<char, void (*)(void*)> encrypted(PQencryptPasswordConn(connection_.get(), password.c_str(), user.c_str(), algorithm.c_str()), PQfreemem);
  return encrypted ? std::optional<std::string>(encrypted.get()) : std::nullopt;
}

}  // namespace matriarch::postgres
