// Where the API listens, and how that changes while it runs: a new address is bound before the old one is closed, new
// certificates serve new connections, and on any error what worked goes on.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/settings.hpp"
#include "net/http_server.hpp"
#include "ports/journal.hpp"

namespace matriarch::rest {

class Listeners {
 public:
  Listeners(boost::asio::any_io_executor executor, ports::Journal& journal);
  net::NetResult<void> open(net::HttpHandler handler, const model::RestSettings& settings, std::string socket_path);
  void apply(const model::RestSettings& settings);
  // Reads the certificates again when one of their files changed.
  void reload_if_changed();
  // When the certificate in use ends; nothing without TLS.
  std::optional<model::WallTime> certificate_end() const { return certificate_end_; }
  std::uint16_t port() const { return tcp_ ? tcp_->port() : std::uint16_t{0}; }
  void close();

 private:
  using Stamps = std::map<std::string, std::string>;  // file -> what tells a changed one from the old

  void remember_files();
  net::NetResult<std::unique_ptr<net::HttpServer>> make(const model::RestSettings& settings) const;

  boost::asio::any_io_executor executor_;
  ports::Journal& journal_;
  net::HttpHandler handler_;
  model::RestSettings settings_;
  Stamps stamps_;
  std::optional<model::WallTime> certificate_end_;
  std::unique_ptr<net::HttpServer> tcp_, local_;
};

}  // namespace matriarch::rest
