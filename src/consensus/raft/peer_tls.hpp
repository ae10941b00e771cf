// How nodes know each other: certificates of one CA on both sides, or a shared secret. Never in clear.
//
// The secret becomes the key of TLS 1.3 with an external PSK and ephemeral Diffie-Hellman (RFC 8446, 2.2): who does not
// know it cannot take part, and who learns it later cannot read what was recorded. The key is scrypt(secret) salted
// with the cluster's scope, so that guessing it costs time and two clusters with one secret stay apart.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "net/stream.hpp"
#include "net/tls.hpp"

namespace matriarch::consensus::raft {

struct PeerSecurity {
  std::string secret;
  std::string certfile;
  std::string keyfile;
  std::string keyfile_password;
  std::string cafile;

  bool has_secret() const { return !secret.empty(); }
  bool has_certificates() const { return !certfile.empty(); }
  // Without either, a node talks to nobody.
  bool allows_peers() const { return has_secret() || has_certificates(); }
};

struct PeerTls {
  net::TlsContext dials;
  net::TlsContext accepts;
};

// `node` is what this node calls itself to others before they are sure of it ("pg1 at 10.0.0.1:7400").
tl::expected<PeerTls, std::string> make_peer_tls(const PeerSecurity& security, const std::string& scope,
                                                 const std::string& node);

// Whether the other side of a finished handshake knows the secret, or has a certificate of our CA.
bool has_proven_itself(net::Stream& stream);

// What the other side of a (failed) handshake called itself; empty when it did not say.
std::string claimed_name(net::Stream& stream);

}  // namespace matriarch::consensus::raft
