#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/failure.hpp"

namespace matriarch::net {
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace {

tl::unexpected<NetError> tls_failure(std::string what) {
  return tl::unexpected(NetError{.failure = NetFailure::kTls, .what = std::move(what)});
}

// "certificate file /etc/x.pem: No such file or directory": OpenSSL's own words for this are of little help.
NetResult<void> check_readable(const std::string& kind, const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) return tls_failure(kind + " " + path + ": " + std::strerror(errno));
  return {};
}

TlsContext new_context(ssl::context::method method) {
  auto context = std::make_shared<ssl::context>(method);
  ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  return context;
}

struct KeyPair {
  const std::string& certfile;
  const std::string& keyfile;
  const std::string& password;
};

NetResult<void> use_key_pair(ssl::context& context, const KeyPair& pair) {
  const std::string& keyfile = pair.keyfile.empty() ? pair.certfile : pair.keyfile;
  if (auto readable = check_readable("certificate file", pair.certfile); !readable) return readable;
  if (auto readable = check_readable("key file", keyfile); !readable) return readable;

  boost::system::error_code code;
  // Set always: without it OpenSSL would ask on the terminal for the password of an encrypted key.
  context.set_password_callback(
      [password = pair.password](std::size_t, ssl::context::password_purpose) { return password; }, code);
  context.use_certificate_chain_file(pair.certfile, code);
  if (code) return tls_failure("certificate file " + pair.certfile + ": " + code.message());
  context.use_private_key_file(keyfile, ssl::context::pem, code);
  if (code)
    return tls_failure("key file " + keyfile + ": " + code.message() +
                       " (wrong password, or not the certificate's key?)");
  if (::SSL_CTX_check_private_key(context.native_handle()) != 1) {
    return tls_failure("key file " + keyfile + " does not belong to certificate file " + pair.certfile + ": " +
                       take_openssl_error());
  }
  return {};
}

NetResult<void> trust(ssl::context& context, const std::string& cafile) {
  if (auto readable = check_readable("CA file", cafile); !readable) return readable;
  boost::system::error_code code;
  context.load_verify_file(cafile, code);
  if (code) return tls_failure("CA file " + cafile + ": " + code.message());
  return {};
}

NetResult<void> demand_client_certificates(ssl::context& context, const TlsServerSettings& settings) {
  if (settings.cafile.empty()) return tls_failure("verify_client needs a cafile to verify the certificates with");
  // The names of the acceptable issuers, so that a client with several certificates can choose.
  ::SSL_CTX_set_client_CA_list(context.native_handle(), ::SSL_load_client_CA_file(settings.cafile.c_str()));
  ::ERR_clear_error();
  auto mode = ssl::verify_peer;
  if (settings.verify_client == VerifyClient::kRequired) mode |= ssl::verify_fail_if_no_peer_cert;
  context.set_verify_mode(mode);
  return {};
}

// OpenSSL knows the host only of a connection, so that the context has to remember what will be asked of it.
int any_host_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return slot;
}

// Without resumption every connection is checked against the certificates and CAs of now, also after a reload.
void forbid_resumption(SSL_CTX* context) {
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  ::SSL_CTX_set_num_tickets(context, 0);
}

}  // namespace

NetResult<TlsContext> make_server_context(const TlsServerSettings& settings) {
  auto context = new_context(ssl::context::tls_server);
  ::SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION);
  forbid_resumption(context->native_handle());
  if (settings.certfile.empty()) return tls_failure("TLS needs a certfile");
  const KeyPair pair{settings.certfile, settings.keyfile, settings.keyfile_password};
  if (auto used = use_key_pair(*context, pair); !used) return tl::unexpected(used.error());
  if (!settings.cafile.empty()) {
    if (auto trusted = trust(*context, settings.cafile); !trusted) return tl::unexpected(trusted.error());
  }
  if (!settings.ciphers.empty() && ::SSL_CTX_set_cipher_list(context->native_handle(), settings.ciphers.c_str()) != 1) {
    return tls_failure("ciphers '" + settings.ciphers + "': " + take_openssl_error());
  }
  if (settings.verify_client != VerifyClient::kNone) {
    if (auto demanded = demand_client_certificates(*context, settings); !demanded)
      return tl::unexpected(demanded.error());
  }
  return context;
}

NetResult<TlsContext> make_client_context(const TlsClientSettings& settings) {
  auto context = new_context(ssl::context::tls_client);
  context->set_verify_mode(settings.verify ? ssl::verify_peer : ssl::verify_none);
  if (!settings.verify_host) {
    static char any_host;
    ::SSL_CTX_set_ex_data(context->native_handle(), any_host_slot(), &any_host);
  }
  if (!settings.cafile.empty()) {
    if (auto trusted = trust(*context, settings.cafile); !trusted) return tl::unexpected(trusted.error());
  } else if (settings.verify) {
    boost::system::error_code code;
    context->set_default_verify_paths(code);
    if (code) return tls_failure("the system's certificate store: " + code.message());
  }
  if (!settings.certfile.empty()) {
    const KeyPair pair{settings.certfile, settings.keyfile, settings.keyfile_password};
    if (auto used = use_key_pair(*context, pair); !used) return tl::unexpected(used.error());
  } else if (!settings.keyfile.empty()) {
    return tls_failure("key file " + settings.keyfile + " is given without a certificate file");
  }
  return context;
}

bool verifies_host(ssl::context& context) {
  return ::SSL_CTX_get_ex_data(context.native_handle(), any_host_slot()) == nullptr;
}

}  // namespace matriarch::net
