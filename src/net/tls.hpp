// TLS settings and the contexts made of them. A context does not follow its files: make a new one when they change
// (HttpServer::reload_tls does).
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "net/http.hpp"

namespace matriarch::net {

enum class VerifyClient { kNone, kOptional, kRequired };

// Paths of PEM files; empty = not given.
struct TlsServerSettings {
  std::string certfile;
  std::string keyfile;  // empty: the key is in certfile
  std::string keyfile_password;
  std::string cafile;
  std::string ciphers;
  VerifyClient verify_client = VerifyClient::kNone;
};

struct TlsClientSettings {
  // Each false only where the contract says so (Patroni's members among themselves).
  bool verify = true;       // that the certificate is of an authority that we trust
  bool verify_host = true;  // and that it is of the host that was dialled
  std::string cafile;       // empty: the system's store
  std::string certfile;
  std::string keyfile;
  std::string keyfile_password;
};

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

// Reads the files; the error names the file and what is wrong with it.
NetResult<TlsContext> make_server_context(const TlsServerSettings& settings);
NetResult<TlsContext> make_client_context(const TlsClientSettings& settings);
// Whether a connection with this context must check the host; so unless it was made with verify_host = false.
bool verifies_host(boost::asio::ssl::context& context);

}  // namespace matriarch::net
