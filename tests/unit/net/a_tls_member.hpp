// A member's API with a certificate, and the authorities that may have issued it: for tests of who is believed.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "model/settings.hpp"
#include "net/http_server.hpp"
#include "unit/net/a_loop.hpp"
#include "unit/net/certificates.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::net {

class ATlsMember : public testing::Test {
 protected:
  void serve(const AnAuthority::Issued& own) {
    server_.emplace(loop_.executor(), [](HttpRequest, PeerInfo, ChunkWriter&) -> boost::asio::awaitable<std::optional<HttpResponse>> {
      HttpResponse response{.status = 200};
      co_return response;
    });
    must(server_->listen(ListenTcp{.address = "127.0.0.1", .tls = TlsServerSettings{.certfile = own.certfile, .keyfile = own.keyfile}}));
  }
  std::string url() const { return "https://127.0.0.1:" + std::to_string(server_->port()) + "/patroni"; }
  // What a caller trusts that has a certificate of its own.
  model::CtlSettings with_certificate() {
    const auto own = authority_.issue("caller", "");
    return {.cacert = authority_.cafile(), .certfile = own.certfile, .keyfile = own.keyfile};
  }

  system::ADirectory directory_;
  AnAuthority authority_{directory_.path(), "authority"};
  AnAuthority stranger_{directory_.path(), "stranger"};
  ALoop loop_;
  std::optional<HttpServer> server_;
};

}  // namespace matriarch::net
