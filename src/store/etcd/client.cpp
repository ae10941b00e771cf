#include "store/etcd/client.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <fmt/format.h>

#include "model/json_text.hpp"
#include "store/etcd/members.hpp"
#include "store/etcd/messages.hpp"

namespace matriarch::store::etcd {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause = 20ms;
constexpr milliseconds kLongestPause = 250ms;
constexpr milliseconds kShortestAttempt = 10ms;
constexpr milliseconds kBetweenSearches = 2s;
constexpr std::size_t kLargestAnswer = 64u << 20;

milliseconds left_until(Deadline deadline) {
  return std::max(std::chrono::ceil<milliseconds>(deadline - Clock::now()), 0ms);
}

// Half of what is left, so that a server that swallows requests leaves time for the others; the last one may have it all.
Deadline share_of(Deadline deadline, bool is_last) {
  if (is_last) return deadline;
  return std::min(deadline, Clock::now() + std::max(left_until(deadline) / 2, kShortestAttempt));
}

// "3.4.0" -> the path prefix of that release; nothing for releases that lack nested transactions or authentication here.
std::optional<std::string> version_prefix(std::string_view cluster_version) {
  int major = 0, minor = 0;
  const char* end = cluster_version.data() + cluster_version.size();
  const auto first = std::from_chars(cluster_version.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc{}) return std::nullopt;
  if (major > 3 || (major == 3 && minor >= 4)) return "/v3";
  if (major == 3 && minor == 3) return "/v3beta";
  return std::nullopt;
}

// Answers that only a quorum can give; of others a server that is cut off may tell any term.
bool settles_term(std::string_view path) { return path.starts_with("/kv/"); }

// What comes before the request itself has no effect that matters.
Failure not_processed(Failure failure) {
  failure.kind = Failure::Kind::kNotProcessed;
  return failure;
}

Failure ended(std::string what) { return {.kind = Failure::Kind::kNotProcessed, .what = std::move(what), .was_silent = true}; }

}  // namespace

Client::Client(asio::any_io_executor executor, ClientSettings settings, Report report)
    : executor_(std::move(executor)),
      settings_(std::move(settings)),
      report_(std::move(report)),
      servers_(settings_.prefers_first),
      random_(std::random_device{}()) {
  use_configured();
}

void Client::use_configured() {
  std::vector<ServerPtr> servers;
  for (const auto& endpoint : settings_.endpoints) servers.push_back(make_server(endpoint, true));
  servers_.set(std::move(servers));
}

Client::ServerPtr Client::make_server(net::Endpoint endpoint, bool is_configured) const {
  net::ClientLimits limits;
  limits.max_body = kLargestAnswer;
  limits.max_idle_connections = 3;  // a keep-alive, a read and a write side by side
  limits.tcp_user_timeout = settings_.tcp_user_timeout;
  auto http = std::make_shared<net::HttpClient>(executor_, endpoint, limits);
  return std::make_shared<Server>(Server{.endpoint = endpoint, .name = name_of(endpoint), .is_configured = is_configured, .is_verified = is_configured, .http = std::move(http)});
}

void Client::set_credentials(const std::string& username, const std::string& password) {
  if (username == settings_.username && password == settings_.password) return;
  settings_.username = username;
  settings_.password = password;
  token_.clear();
}

void Client::close() {
  closed_ = true;
  for (const ServerPtr& server : servers_.all()) server->http.reset();
  servers_.set({});
}

// ---- a request -----------------------------------------------------------------------------------------------------

asio::awaitable<Client::Answer> Client::call(Request request, Deadline deadline) {
  Failure last = ended("no server of the store is known");
  bool was_ambiguous = false;
  milliseconds length = kFirstPause;
  if (!searched_) co_await search(deadline);
  do {
    const auto order = servers_.in_order(Clock::now());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (left_until(deadline) == 0ms) break;
      Answer answer = co_await ask(order[i], request, share_of(deadline, i + 1 == order.size()));
      if (answer) co_return answer;
      last = std::move(answer.error());
      if (last.kind == Failure::Kind::kRefused || last.kind == Failure::Kind::kLogin) co_return tl::unexpected(last);
      was_ambiguous = was_ambiguous || last.kind == Failure::Kind::kAmbiguous;
      if (was_ambiguous && !request.repeatable) co_return tl::unexpected(last);
    }
    wants_discovery_ = true;  // nobody answers: whoever does next may know of others
    co_await search(deadline);
  } while (!closed_ && co_await pause(length, deadline));
  if (was_ambiguous) last.kind = Failure::Kind::kAmbiguous;
  co_return tl::unexpected(last);
}

asio::awaitable<bool> Client::pause(milliseconds& length, Deadline deadline) {
  const milliseconds jitter(std::uniform_int_distribution<milliseconds::rep>(0, length.count() / 2)(random_));
  const Deadline until = Clock::now() + length + jitter;
  if (until >= deadline) co_return false;
  asio::steady_timer timer(executor_, until);
  co_await timer.async_wait(asio::use_awaitable);
  length = std::min(length * 2, kLongestPause);
  co_return !closed_;
}

// One server, with whatever it needs first. Logs in and repeats at most once: a refused login was never carried out.
asio::awaitable<Client::Answer> Client::ask(ServerPtr server, Request request, Deadline deadline) {
  if (auto failure = co_await prepare(server, deadline)) {
    note(server, *failure);
    co_return tl::unexpected(*failure);
  }
  Answer answer = co_await send(server, request, deadline);
  if (!answer && answer.error().kind == Failure::Kind::kLogin && !settings_.username.empty()) {
    if (auto failure = co_await log_in(server, deadline)) co_return tl::unexpected(*failure);
    answer = co_await send(server, request, deadline);
  } else if (!answer && answer.error().kind == Failure::Kind::kLogin) {
    answer.error().what += " (no username and password are configured for the store)";
  }
  if (!answer) {
    note(server, answer.error());
    co_return answer;
  }
  servers_.succeeded(server);
  if (std::exchange(last_server_, server->name) != server->name) wants_discovery_ = true;
  if (wants_discovery_ && settings_.discovers && !discovering_) {
    discovering_ = true;
    asio::co_spawn(executor_, discover(), asio::detached);
  }
  co_return answer;
}

void Client::note(const ServerPtr& server, const Failure& failure) {
  if (failure.kind == Failure::Kind::kNotProcessed || failure.kind == Failure::Kind::kAmbiguous) {
    servers_.failed(server, failure.was_silent, Clock::now());
  }
}

net::HttpRequest Client::http_request(const Request& request) const {
  net::HttpRequest message{.method = "POST", .target = version_ + request.path, .body = request.body};
  message.headers.push_back({"Content-Type", "application/json"});
  if (!token_.empty()) message.headers.push_back({"Authorization", token_});
  return message;
}

asio::awaitable<Client::Response> Client::exchange(ServerPtr server, net::HttpRequest message, Deadline deadline) {
  if (closed_) co_return tl::unexpected(ended("closed"));
  requests_.fetch_add(1, std::memory_order_relaxed);
  auto response = co_await server->http->request(std::move(message), left_until(deadline));
  if (!response) co_return tl::unexpected(failure_of(response.error()));
  co_return std::move(*response);
}

asio::awaitable<Client::Answer> Client::send(ServerPtr server, Request request, Deadline deadline) {
  auto message = http_request(request);
  // A server must not go on with what nobody waits for any more: it would happen when others have acted since.
  message.headers.push_back({"Grpc-Timeout", fmt::format("{}m", left_until(deadline).count())});
  auto response = co_await exchange(server, std::move(message), deadline);
  if (!response) co_return tl::unexpected(response.error());
  if (response->status >= 400) co_return tl::unexpected(failure_of(response->status, response->body));
  auto parsed = model::read_json(response->body, kLargestAnswer);
  if (!parsed || !parsed->is_object()) {
    co_return tl::unexpected(Failure{.kind = Failure::Kind::kAmbiguous, .what = server->name + " answered with something that is not JSON"});
  }
  json::object answer = std::move(parsed->get_object());
  const Header header = header_of(answer.contains("result") ? object_in(answer, "result") : answer);
  if (auto failure = judge(server, header, settles_term(request.path))) co_return tl::unexpected(*failure);
  co_return answer;
}

// A server with an older term than a quorum has shown us is cut off, or was set back to a backup: its word is worth
// nothing, and what it says it wrote may be gone.
std::optional<Failure> Client::judge(const ServerPtr& server, const Header& header, bool settles) {
  if (header.cluster_id == 0) return std::nullopt;
  if (cluster_id_ != header.cluster_id) {
    if (cluster_id_ != 0 && !server->is_configured) {
      return Failure{.kind = Failure::Kind::kAmbiguous, .what = server->name + " belongs to another cluster of the store"};
    }
    if (cluster_id_ != 0 && report_) {
      report_(fmt::format("the store at {} has another cluster id than before ({:x}, was {:x}); it was set up anew?", server->name, header.cluster_id, cluster_id_));
    }
    cluster_id_ = header.cluster_id;
    newest_term_ = 0;
  }
  if (header.raft_term < newest_term_) {
    return Failure{.kind = Failure::Kind::kAmbiguous, .what = fmt::format("{} is stale: its term is {}, {} was seen", server->name, header.raft_term, newest_term_)};
  }
  if (settles) newest_term_ = header.raft_term;
  return std::nullopt;
}

// ---- before the first request to a server --------------------------------------------------------------------------

asio::awaitable<std::optional<Failure>> Client::prepare(ServerPtr server, Deadline deadline) {
  if (version_.empty()) {
    if (auto failure = co_await shake_hands(server, deadline)) co_return failure;
  }
  if (!server->is_verified) {
    if (auto failure = co_await verify(server, deadline)) co_return failure;
  }
  if (token_.empty() && !settings_.username.empty()) co_return co_await log_in(server, deadline);
  co_return std::nullopt;
}

asio::awaitable<std::optional<Failure>> Client::shake_hands(ServerPtr server, Deadline deadline) {
  net::HttpRequest message{.method = "GET", .target = "/version"};
  auto response = co_await exchange(server, std::move(message), deadline);
  if (!response) co_return not_processed(response.error());
  const auto parsed = model::read_json(response->body);
  if (response->status != 200 || !parsed || !parsed->is_object()) {
    co_return Failure{.what = fmt::format("{} does not answer /version as etcd does (HTTP status {})", server->name, response->status)};
  }
  const std::string version = text_in(parsed->get_object(), "etcdcluster");
  auto prefix = version_prefix(version);
  if (!prefix) co_return Failure{.what = fmt::format("{} is of version '{}'; 3.3 or newer is needed", server->name, version)};
  version_ = std::move(*prefix);
  co_return std::nullopt;
}

// A server that the member list named is asked for its cluster before anything is written to it: what members advertise
// may be "localhost".
asio::awaitable<std::optional<Failure>> Client::verify(ServerPtr server, Deadline deadline) {
  Request status{.path = "/maintenance/status", .body = "{}", .repeatable = true};
  Answer answer = co_await send(server, std::move(status), deadline);
  if (!answer) co_return not_processed(answer.error());
  server->is_verified = true;
  co_return std::nullopt;
}

// The old token is kept when this fails: it may still do elsewhere.
asio::awaitable<std::optional<Failure>> Client::log_in(ServerPtr server, Deadline deadline) {
  const json::object credentials{{"name", settings_.username}, {"password", settings_.password}};
  net::HttpRequest message{.method = "POST", .target = version_ + "/auth/authenticate", .body = model::write_json(credentials)};
  message.headers.push_back({"Content-Type", "application/json"});
  auto response = co_await exchange(server, std::move(message), deadline);
  if (!response) co_return not_processed(response.error());
  if (response->status >= 400) {
    Failure failure = failure_of(response->status, response->body);
    if (failure.what.find("authentication is not enabled") != std::string::npos) co_return std::nullopt;
    const bool is_refused = failure.kind == Failure::Kind::kRefused || failure.kind == Failure::Kind::kLogin;
    failure.kind = is_refused ? Failure::Kind::kLogin : Failure::Kind::kNotProcessed;
    failure.what = fmt::format("login as '{}' at {}: {}", settings_.username, server->name, failure.what);
    if (report_) report_(failure.what);
    co_return failure;
  }
  const auto parsed = model::read_json(response->body);
  std::string token = parsed && parsed->is_object() ? text_in(parsed->get_object(), "token") : std::string();
  if (token.empty()) co_return Failure{.what = server->name + " answered a login without a token"};
  token_ = std::move(token);
  co_return std::nullopt;
}

// ---- other servers of the cluster ----------------------------------------------------------------------------------

asio::awaitable<void> Client::discover() {
  const auto self = shared_from_this();
  wants_discovery_ = false;
  const auto order = servers_.in_order(Clock::now());
  if (!order.empty()) {
    Request request{.path = "/cluster/member/list", .body = "{}", .repeatable = true};
    const Answer answer = co_await send(order.front(), std::move(request), Clock::now() + 5s);
    if (answer && !closed_) learn(*answer);
  }
  discovering_ = false;
}

// By SRV records. What was known stays when they cannot be had.
asio::awaitable<void> Client::search(Deadline deadline) {
  searched_ = true;
  if (!settings_.discovery || closed_ || Clock::now() < next_search_) co_return;
  next_search_ = Clock::now() + kBetweenSearches;
  const auto self = shared_from_this();
  auto discovery = *settings_.discovery;
  auto found = co_await find_servers(std::move(discovery), deadline);
  if (found.endpoints.empty() && report_) report_(fmt::format("no server of the store was found by SRV records of {}", settings_.discovery->domain));
  if (found.endpoints.empty() || closed_) co_return;
  settings_.endpoints = std::move(found.endpoints);
  settings_.tls = std::move(found.tls);
  use_configured();
}

void Client::learn(const json::object& answer) {
  std::vector<ServerPtr> servers;
  for (const auto& endpoint : settings_.endpoints) servers.push_back(make_server(endpoint, true));
  const auto is_listed = [&](const ServerPtr& server) {
    return std::any_of(servers.begin(), servers.end(), [&](const ServerPtr& other) { return other->name == server->name; });
  };
  for (const auto& endpoint : client_endpoints_of(answer, settings_.tls)) {
    auto server = make_server(endpoint, false);
    if (!is_listed(server)) servers.push_back(std::move(server));
  }
  servers_.set(std::move(servers));
}

// ---- streams -------------------------------------------------------------------------------------------------------

asio::awaitable<Client::StreamEnd> Client::stream(Request request, OnMessage on_message, milliseconds connect_timeout, milliseconds idle_timeout) {
  StreamEnd end{.failure = ended("no server of the store is known")};
  const Deadline deadline = Clock::now() + connect_timeout;
  if (!searched_) co_await search(deadline);
  const auto order = servers_.in_order(Clock::now());
  for (std::size_t i = 0; i < order.size() && !end.opened && left_until(deadline) > 0ms; ++i) {
    const ServerPtr server = order[i];
    end = co_await stream_from(server, request, on_message, share_of(deadline, i + 1 == order.size()), idle_timeout);
    // One that ends after it began may only have had nothing to say.
    if (end.failure && !end.opened) note(server, *end.failure);
    if (end.opened) servers_.succeeded(server);
  }
  co_return end;
}

asio::awaitable<Client::StreamEnd> Client::stream_from(ServerPtr server, Request request, OnMessage on_message, Deadline deadline, milliseconds idle_timeout) {
  StreamEnd end;
  end.failure = co_await prepare(server, deadline);
  if (end.failure) co_return end;
  if (closed_) co_return StreamEnd{.failure = ended("closed")};
  requests_.fetch_add(1, std::memory_order_relaxed);
  auto message = http_request(request);
  message.headers.push_back({"Grpc-Metadata-hasleader", "true"});  // a server without leader ends the stream instead of falling silent
  Messages messages(kLargestAnswer);
  std::optional<Failure> bad;
  net::HttpClient::OnChunk on_chunk = [&](std::string_view chunk) {
    return messages.feed(chunk, [&](const json::object& document) {
      end.opened = true;
      bad = judge(server, header_of(object_in(document, "result")), false);
      return !bad && on_message(document);
    });
  };
  auto response = co_await server->http->stream(std::move(message), on_chunk, left_until(deadline), idle_timeout);
  if (bad) {
    end.failure = std::move(bad);
  } else if (messages.is_broken()) {
    end.failure = Failure{.what = server->name + ": the stream is not JSON"};
  } else if (!response) {
    end.failure = failure_of(response.error());
  } else if (response->status >= 400) {
    end.failure = failure_of(response->status, response->body);
    if (end.failure->kind == Failure::Kind::kLogin) {
      token_.clear();  // the next attempt logs in
    }
  }
  co_return end;
}

}  // namespace matriarch::store::etcd
