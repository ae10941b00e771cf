#include "peers/http_peers.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <vector>

#include "net/basic_auth.hpp"
#include "net/http_url.hpp"
#include "peers/status.hpp"

namespace matriarch::peers {

namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxStatusDocument = 1u << 20;
constexpr std::size_t kMaxClients = 64;  // members come and go; their connections are not kept for ever

// All at once; returns when the last one ended.
asio::awaitable<void> all_of(asio::any_io_executor executor, std::vector<asio::awaitable<void>> work) {
  using Operation = decltype(asio::co_spawn(executor, std::declval<asio::awaitable<void>>(), asio::deferred));
  std::vector<Operation> operations;
  for (auto& one : work) operations.push_back(asio::co_spawn(executor, std::move(one), asio::deferred));
  if (operations.empty()) co_return;
  co_await asio::experimental::make_parallel_group(std::move(operations)).async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
}

// As Patroni's members know each other: who has no certificate of its own verifies nobody's, and nobody verifies the host,
// since a member may publish an address that its certificate does not name.
net::TlsClientSettings tls_settings(const model::CtlSettings& ctl) {
  const bool verify = !ctl.certfile.empty();
  return {.verify = verify, .verify_host = false, .cafile = verify ? ctl.cacert : "", .certfile = ctl.certfile, .keyfile = ctl.keyfile,
          .keyfile_password = ctl.keyfile_password};
}

}  // namespace

HttpPeers::HttpPeers(asio::any_io_executor executor, std::shared_ptr<const model::Settings> settings, std::function<void(std::string)> warn)
    : executor_(std::move(executor)), warn_(std::move(warn)) {
  apply_settings(std::move(settings));
}

void HttpPeers::apply_settings(std::shared_ptr<const model::Settings> settings) {
  settings_ = std::move(settings);
  auto context = net::make_client_context(tls_settings(settings_->ctl));
  if (context) {
    tls_ = *context;
  } else {
    warn_("members with TLS cannot be asked: " + context.error().what);
    tls_ = nullptr;
  }
  clients_.clear();
}

model::Result<HttpPeers::Target, std::string> HttpPeers::take_apart(const std::string& api_url, const std::string& path) const {
  const auto url = net::parse_http_url(api_url, 8008);
  if (!url) return tl::unexpected("'" + api_url + "' is not an HTTP URL");
  if (url->is_tls && !tls_) return tl::unexpected(std::string("TLS is not usable"));
  net::TcpEndpoint endpoint{.host = url->host, .port = url->port, .tls = url->is_tls ? tls_ : nullptr};
  return Target{.endpoint = endpoint, .path = path.empty() ? url->target : path};
}

asio::awaitable<net::NetResult<net::HttpResponse>> HttpPeers::ask(std::string api_url, std::string path, net::HttpRequest request, model::Milliseconds timeout) {
  auto target = take_apart(api_url, path);
  if (!target) co_return tl::unexpected(net::NetError{.failure = net::NetFailure::kProtocol, .what = target.error()});
  const auto& tcp = std::get<net::TcpEndpoint>(target->endpoint);
  const std::string key = fmt::format("{}{}:{}", tcp.tls ? "s:" : "", tcp.host, tcp.port);
  if (clients_.size() > kMaxClients) clients_.clear();
  auto& kept = clients_[key];
  if (!kept) kept = std::make_shared<net::HttpClient>(executor_, target->endpoint, net::ClientLimits{.max_body = kMaxStatusDocument});
  const auto client = kept;  // outlives a change of settings
  request.target = target->path;
  if (!settings_->ctl.username.empty()) {
    net::BasicCredentials credentials{.username = settings_->ctl.username, .password = settings_->ctl.password};
    request.headers.push_back({"Authorization", net::make_basic_auth(credentials)});
  }
  co_return co_await client->request(std::move(request), timeout);
}

asio::awaitable<void> HttpPeers::poll_one(ports::PeerAddress member, model::Milliseconds deadline,
                                          std::function<void(model::MemberName, model::PeerStatus)> on_answer) {
  net::HttpRequest request;
  std::string as_published;
  auto response = co_await ask(member.api_url, as_published, std::move(request), deadline);
  model::PeerStatus status;
  if (response) {
    status = parse_status(response->body);
  } else {
    status.error = response.error().what;
    warn_(fmt::format("Request failed to {}: GET {} ({})", member.name, member.api_url, status.error));
  }
  on_answer(member.name, std::move(status));
}

asio::awaitable<void> HttpPeers::poll(std::vector<ports::PeerAddress> members, model::Milliseconds deadline,
                                      std::function<void(model::MemberName, model::PeerStatus)> on_answer) {
  std::vector<asio::awaitable<void>> work;
  for (auto& member : members) work.push_back(poll_one(std::move(member), deadline, on_answer));
  co_await all_of(executor_, std::move(work));
}

asio::awaitable<void> HttpPeers::ask_one_failsafe(ports::PeerAddress member, std::string document, model::Milliseconds deadline, model::FailsafeRound* round) {
  net::HttpRequest request{.method = "POST", .headers = {{"Content-Type", "application/json"}}, .body = std::move(document)};
  std::string path = "/failsafe";
  auto response = co_await ask(member.api_url, std::move(path), std::move(request), deadline);
  const bool accepted = response && response->status == 200 && response->body == "Accepted";
  if (!accepted) {
    round->accepted = false;
    round->refused_by = fmt::format("{} ({})", member.name, response ? response->body : response.error().what);
    co_return;
  }
  if (const auto lsn = net::find_header(response->headers, "lsn")) {
    std::uint64_t value = 0;
    const auto [end, failed] = std::from_chars(lsn->data(), lsn->data() + lsn->size(), value);
    if (failed == std::errc{} && end == lsn->data() + lsn->size()) round->positions[member.name] = {value};
  }
}

asio::awaitable<model::FailsafeRound> HttpPeers::ask_failsafe(std::vector<ports::PeerAddress> members, std::string document, model::Milliseconds deadline) {
  model::FailsafeRound round{.accepted = true};
  std::vector<asio::awaitable<void>> work;
  for (auto& member : members) work.push_back(ask_one_failsafe(std::move(member), document, deadline, &round));
  co_await all_of(executor_, std::move(work));
  co_return round;
}

asio::awaitable<bool> HttpPeers::answers(ports::PeerAddress member, model::Milliseconds deadline) {
  net::HttpRequest request;
  std::string path = "/liveness";
  auto response = co_await ask(member.api_url, std::move(path), std::move(request), deadline);
  co_return response.has_value();
}

}  // namespace matriarch::peers
