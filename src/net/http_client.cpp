#include "net/http_client.hpp"

#include <vector>

#include "net/http_exchange.hpp"

namespace matriarch::net {
namespace asio = boost::asio;

class HttpClient::Impl {
 public:
  explicit Impl(ClientState state) : state_(std::make_shared<ClientState>(std::move(state))) {
    if (const auto* tcp = std::get_if<TcpEndpoint>(&state_->endpoint)) {
      state_->addresses = std::make_shared<AddressBook>(state_->executor, tcp->host, tcp->port);
    }
  }
  ~Impl() {
    const std::vector<Exchange*> under_way(state_->under_way.begin(), state_->under_way.end());
    for (Exchange* exchange : under_way) exchange->abort(NetFailure::kCancelled, "the client is gone");
    state_->idle.clear();
    state_->limits.max_idle_connections = 0;
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::shared_ptr<Exchange> begin(HttpRequest request, std::optional<StreamOptions> streaming) {
    return std::make_shared<Exchange>(state_, std::move(request), std::move(streaming));
  }

 private:
  std::shared_ptr<ClientState> state_;
};

HttpClient::HttpClient(asio::any_io_executor executor, Endpoint endpoint, ClientLimits limits)
    : impl_(std::make_shared<Impl>(
          ClientState{.executor = std::move(executor), .endpoint = std::move(endpoint), .limits = limits})) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

asio::awaitable<NetResult<HttpResponse>> HttpClient::request(HttpRequest request, std::chrono::milliseconds timeout) {
  return Exchange::await(impl_->begin(std::move(request), std::nullopt), timeout);
}

asio::awaitable<NetResult<HttpResponse>> HttpClient::stream(HttpRequest request, OnChunk on_chunk,
                                                            std::chrono::milliseconds connect_timeout,
                                                            std::chrono::milliseconds idle_timeout) {
  StreamOptions streaming{.on_chunk = std::move(on_chunk), .idle_timeout = idle_timeout};
  return Exchange::await(impl_->begin(std::move(request), std::move(streaming)), connect_timeout);
}

}  // namespace matriarch::net
