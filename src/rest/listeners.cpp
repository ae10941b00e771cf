#include "rest/listeners.hpp"

#include <filesystem>
#include <fmt/format.h>

#include "rest/certificate.hpp"

namespace matriarch::rest {
namespace {

using ports::Level;
using namespace std::chrono_literals;

net::ServerLimits limits() {
  return {.max_header = 64u << 10, .max_body = 1u << 20, .max_connections = 512, .header_timeout = 5s, .read_timeout = 10s, .idle_timeout = 5s, .write_timeout = 10s};
}

net::VerifyClient to_net(model::VerifyClient mode) {
  switch (mode) {
    case model::VerifyClient::kNone: return net::VerifyClient::kNone;
    case model::VerifyClient::kOptional: return net::VerifyClient::kOptional;
    case model::VerifyClient::kRequired: return net::VerifyClient::kRequired;
  }
  return net::VerifyClient::kNone;
}

net::ListenTcp to_listen(const model::RestSettings& settings) {
  net::ListenTcp listen{.address = settings.listen.host, .port = settings.listen.port};
  if (settings.tls.enabled()) {
    listen.tls = net::TlsServerSettings{.certfile = settings.tls.certfile, .keyfile = settings.tls.keyfile,
                                        .keyfile_password = settings.tls.keyfile_password, .cafile = settings.tls.cafile,
                                        .ciphers = settings.tls.ciphers, .verify_client = to_net(settings.verify_client)};
  }
  return listen;
}

bool same_listener(const model::RestSettings& a, const model::RestSettings& b) {
  return a.listen == b.listen && a.tls == b.tls && a.verify_client == b.verify_client;
}

// Size and time of change: a renewed certificate differs in one of them.
std::map<std::string, std::string> stamps_of(const model::TlsFiles& tls) {
  std::map<std::string, std::string> stamps;
  for (const auto& path : {tls.certfile, tls.keyfile, tls.cafile}) {
    if (path.empty()) continue;
    std::error_code error;
    const auto time = std::filesystem::last_write_time(path, error);
    const auto size = error ? 0 : std::filesystem::file_size(path, error);
    stamps[path] = error ? error.message() : fmt::format("{} {}", time.time_since_epoch().count(), size);
  }
  return stamps;
}

}  // namespace

Listeners::Listeners(boost::asio::any_io_executor executor, ports::Journal& journal) : executor_(std::move(executor)), journal_(journal) {}

net::NetResult<std::unique_ptr<net::HttpServer>> Listeners::make(const model::RestSettings& settings) const {
  auto server = std::make_unique<net::HttpServer>(executor_, handler_, limits());
  auto listening = server->listen(to_listen(settings));
  if (!listening) return tl::unexpected(listening.error());
  return server;
}

net::NetResult<void> Listeners::open(net::HttpHandler handler, const model::RestSettings& settings, std::string socket_path) {
  handler_ = std::move(handler);
  settings_ = settings;
  auto made = make(settings);
  if (!made) return tl::unexpected(made.error());
  tcp_ = std::move(*made);
  remember_files();
  if (socket_path.empty()) return {};
  local_ = std::make_unique<net::HttpServer>(executor_, handler_, limits());
  net::ListenUnix where{.path = std::move(socket_path)};
  return local_->listen(std::move(where));
}

void Listeners::apply(const model::RestSettings& settings) {
  if (same_listener(settings, settings_)) return;
  // The same address cannot be bound twice: there the old listener goes first, and comes back on failure.
  const bool same_address = settings.listen == settings_.listen;
  if (same_address) tcp_->close();
  auto made = make(settings);
  if (!made) {
    journal_.log(Level::kError, fmt::format("restapi: {}; the API goes on as before", made.error().what));
    if (!same_address) return;
    auto old = make(settings_);
    if (old) tcp_ = std::move(*old);
    if (!old) journal_.log(Level::kError, fmt::format("restapi: the old listener cannot be opened again: {}", old.error().what));
    return;
  }
  tcp_ = std::move(*made);
  settings_ = settings;
  remember_files();
}

void Listeners::reload_if_changed() {
  if (!tcp_ || !settings_.tls.enabled()) return;
  if (stamps_of(settings_.tls) == stamps_) return;
  if (auto reloaded = tcp_->reload_tls(); !reloaded) {
    journal_.log(Level::kError, fmt::format("restapi: {}; the old certificate stays in use", reloaded.error().what));
    return;  // tried again at the next look
  }
  remember_files();
  journal_.log(Level::kInfo, "restapi: certificates were read again");
}

void Listeners::remember_files() {
  stamps_ = stamps_of(settings_.tls);
  certificate_end_ = settings_.tls.enabled() ? rest::certificate_end(settings_.tls.certfile) : std::nullopt;
}

void Listeners::close() {
  if (tcp_) tcp_->close();
  if (local_) local_->close();
}

}  // namespace matriarch::rest
