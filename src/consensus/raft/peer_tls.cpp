#include "consensus/raft/peer_tls.hpp"

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <array>
#include <cstring>
#include <memory>

namespace matriarch::consensus::raft {
namespace {

namespace ssl = boost::asio::ssl;

using Key = std::array<unsigned char, 32>;

constexpr std::string_view kIdentityPrefix = "matriarch/1/";
constexpr unsigned char kCipher[] = {0x13, 0x01};  // TLS_AES_128_GCM_SHA256

// Lives as long as the context it is attached to.
struct SharedSecret {
  Key key = {};
  std::string scope;
  std::string identity;  // prefix, scope, "/", who
};

void free_secret(void*, void* attached, CRYPTO_EX_DATA*, int, long, void*) {
  auto* secret = static_cast<SharedSecret*>(attached);
  if (secret == nullptr) return;
  OPENSSL_cleanse(secret->key.data(), secret->key.size());
  delete secret;
}
void free_name(void*, void* attached, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<std::string*>(attached); }

int secret_slot() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_secret);
  return slot;
}
int name_slot() {
  static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_name);
  return slot;
}

const SharedSecret& secret_of(SSL* connection) {
  return *static_cast<const SharedSecret*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), secret_slot()));
}

SSL_SESSION* make_session(SSL* connection, const Key& key) {
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session(SSL_SESSION_new(), &SSL_SESSION_free);
  const SSL_CIPHER* cipher = SSL_CIPHER_find(connection, kCipher);
  if (!session || cipher == nullptr || SSL_SESSION_set1_master_key(session.get(), key.data(), key.size()) != 1 ||
      SSL_SESSION_set_cipher(session.get(), cipher) != 1 ||
      SSL_SESSION_set_protocol_version(session.get(), TLS1_3_VERSION) != 1) {
    return nullptr;
  }
  return session.release();
}

// The dialling side offers the key under its identity.
int offer_secret(SSL* connection, const EVP_MD* digest, const unsigned char** id, std::size_t* id_length,
                 SSL_SESSION** session) {
  const auto& secret = secret_of(connection);
  *session = make_session(connection, secret.key);
  if (*session == nullptr) return 0;
  if (digest != nullptr && SSL_CIPHER_get_handshake_digest(SSL_SESSION_get0_cipher(*session)) != digest) {
    SSL_SESSION_free(*session);
    *session = nullptr;
    return 1;  // go on without: the server will refuse
  }
  *id = reinterpret_cast<const unsigned char*>(secret.identity.data());
  *id_length = secret.identity.size();
  return 1;
}

// The accepting side looks the key up by the identity: any name, but of our scope.
int find_secret(SSL* connection, const unsigned char* id, std::size_t id_length, SSL_SESSION** session) {
  const auto& secret = secret_of(connection);
  const std::string_view identity(reinterpret_cast<const char*>(id), id_length);
  *session = nullptr;
  if (!identity.starts_with(kIdentityPrefix)) return 1;
  const auto rest = identity.substr(kIdentityPrefix.size());
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return 1;
  const auto scope = rest.substr(0, slash);
  auto name = std::make_unique<std::string>(rest.substr(slash + 1));
  if (scope != secret.scope) name->append(" of cluster ").append(scope);
  if (SSL_set_ex_data(connection, name_slot(), name.get()) == 1) name.release();
  if (scope == secret.scope) *session = make_session(connection, secret.key);
  return 1;
}

tl::expected<Key, std::string> derive_key(const std::string& secret, const std::string& scope) {
  Key key;
  const std::string salt = "matriarch store peers 1\n" + scope;
  constexpr std::uint64_t kCost = 1u << 14;  // 16 MiB and some 30 ms, once at start
  if (EVP_PBE_scrypt(secret.data(), secret.size(), reinterpret_cast<const unsigned char*>(salt.data()), salt.size(),
                     kCost, 8, 1, std::uint64_t{64} << 20, key.data(), key.size()) != 1) {
    return tl::unexpected(std::string("the key of the shared secret could not be derived"));
  }
  return key;
}

net::TlsContext make_secret_context(ssl::context::method method, const SharedSecret& secret) {
  auto context = std::make_shared<ssl::context>(method);
  SSL_CTX* handle = context->native_handle();
  SSL_CTX_set_min_proto_version(handle, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(handle, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(handle, 0);
  SSL_CTX_set_mode(handle, SSL_MODE_RELEASE_BUFFERS);
  // The key is the proof. No CA is trusted, so that a server that shows a certificate instead of it is refused; the
  // accepting side has no certificate to show and asks for none.
  SSL_CTX_set_verify(handle, method == ssl::context::tls_client ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_ex_data(handle, secret_slot(), new SharedSecret(secret));
  SSL_CTX_set_psk_use_session_callback(handle, offer_secret);
  SSL_CTX_set_psk_find_session_callback(handle, find_secret);
  return context;
}

tl::expected<PeerTls, std::string> with_certificates(const PeerSecurity& security) {
  if (security.cafile.empty()) {
    return tl::unexpected(std::string("embedded.certfile is given without embedded.cafile: nodes could not verify each other"));
  }
  const net::TlsServerSettings server{.certfile = security.certfile,
                                      .keyfile = security.keyfile,
                                      .keyfile_password = security.keyfile_password,
                                      .cafile = security.cafile,
                                      .verify_client = net::VerifyClient::kRequired};
  const net::TlsClientSettings client{.cafile = security.cafile,
                                      .certfile = security.certfile,
                                      .keyfile = security.keyfile,
                                      .keyfile_password = security.keyfile_password};
  auto accepts = net::make_server_context(server);
  if (!accepts) return tl::unexpected(accepts.error().what);
  auto dials = net::make_client_context(client);
  if (!dials) return tl::unexpected(dials.error().what);
  return PeerTls{.dials = std::move(*dials), .accepts = std::move(*accepts)};
}

}  // namespace

tl::expected<PeerTls, std::string> make_peer_tls(const PeerSecurity& security, const std::string& scope,
                                                 const std::string& node) {
  if (security.has_certificates()) return with_certificates(security);
  if (!security.has_secret()) return tl::unexpected(std::string("neither a secret nor certificates are configured"));
  const auto key = derive_key(security.secret, scope);
  if (!key) return tl::unexpected(key.error());
  SharedSecret secret{.key = *key, .scope = scope, .identity = std::string(kIdentityPrefix)};
  secret.identity.append(scope).append("/").append(node);
  secret.identity.resize(std::min<std::size_t>(secret.identity.size(), 256));  // OpenSSL's bound for an identity
  return PeerTls{.dials = make_secret_context(ssl::context::tls_client, secret),
                 .accepts = make_secret_context(ssl::context::tls_server, secret)};
}

bool has_proven_itself(net::Stream& stream) {
  if (stream.tls() == nullptr) return false;
  SSL* connection = stream.tls()->native_handle();
  const bool has_secret = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), secret_slot()) != nullptr;
  if (has_secret) return SSL_session_reused(connection) == 1;
  return SSL_get0_peer_certificate(connection) != nullptr && SSL_get_verify_result(connection) == X509_V_OK;
}

std::string claimed_name(net::Stream& stream) {
  if (stream.tls() == nullptr) return {};
  SSL* connection = stream.tls()->native_handle();
  if (const auto* name = static_cast<const std::string*>(SSL_get_ex_data(connection, name_slot()))) return *name;
  return {};
}

}  // namespace matriarch::consensus::raft
