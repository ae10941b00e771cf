#include "ctl/member_calls.hpp"

#include <fmt/format.h>
#include <optional>

#include "model/version.hpp"
#include "net/basic_auth.hpp"
#include "net/http_client.hpp"
#include "net/http_url.hpp"

namespace matriarch::ctl {
namespace {

constexpr int kTries = 4;

// `insecure` gives up the host's name, and the authority too unless we have a certificate of our own (as in patronictl).
net::TlsClientSettings tls_settings(const model::Settings& settings, bool asked_insecure) {
  const bool insecure = asked_insecure || settings.ctl.insecure;
  const bool verify = !insecure || !settings.ctl.certfile.empty();
  const std::string& cafile = settings.ctl.cacert.empty() ? settings.restapi.tls.cafile : settings.ctl.cacert;
  return {.verify = verify,
          .verify_host = !insecure,
          .cafile = verify ? cafile : "",
          .certfile = settings.ctl.certfile,
          .keyfile = settings.ctl.keyfile,
          .keyfile_password = settings.ctl.keyfile_password};
}

net::NetError bad_url(const std::string& url) {
  return {.failure = net::NetFailure::kProtocol, .what = url.empty() ? "the member has no api_url" : fmt::format("bad api_url {}", url)};
}

class HttpCalls final : public MemberCalls {
 public:
  HttpCalls(boost::asio::any_io_executor executor, const model::Settings& settings, bool insecure)
      : executor_(std::move(executor)), tls_settings_(tls_settings(settings, insecure)) {
    headers_.push_back({"User-Agent", fmt::format("Matriarch/{}", model::kVersion)});
    const auto& own = settings.ctl.username.empty() ? std::pair(settings.restapi.username, settings.restapi.password)
                                                    : std::pair(settings.ctl.username, settings.ctl.password);
    if (!own.first.empty()) headers_.push_back({"Authorization", net::make_basic_auth({own.first, own.second})});
  }

  boost::asio::awaitable<net::NetResult<net::HttpResponse>> call(Call call) override {
    const auto url = net::parse_http_url(call.api_url, 8008);
    if (!url) co_return tl::unexpected(bad_url(call.api_url));
    net::TcpEndpoint endpoint{.host = url->host, .port = url->port};
    if (url->is_tls) {
      auto tls = net::make_client_context(tls_settings_);
      if (!tls) co_return tl::unexpected(tls.error());
      endpoint.tls = *tls;
    }
    net::HttpClient client(executor_, endpoint);
    const bool repeatable = call.method == "GET" || call.method == "DELETE";
    for (int attempt = 1;; ++attempt) {
      net::HttpRequest request{.method = call.method, .target = "/" + call.endpoint, .headers = headers_, .body = call.body};
      auto result = co_await client.request(std::move(request), call.timeout);
      const bool again = !result && attempt < kTries && result.error().failure != net::NetFailure::kTimedOut &&
                         (repeatable || !result.error().may_have_been_processed);
      if (!again) co_return result;
    }
  }

 private:
  boost::asio::any_io_executor executor_;
  net::TlsClientSettings tls_settings_;
  std::vector<net::Header> headers_;
};

}  // namespace

std::unique_ptr<MemberCalls> make_member_calls(boost::asio::any_io_executor executor, const model::Settings& settings, bool insecure) {
  return std::make_unique<HttpCalls>(std::move(executor), settings, insecure);
}

}  // namespace matriarch::ctl
