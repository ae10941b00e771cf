// Who may use the client API. The Unix socket belongs to this node's agent and needs no proof (its file mode is the
// proof); on TCP a token is needed when a client user is configured, got from its name and password as in etcd.
#pragma once

#include <optional>
#include <string>

#include "consensus/server/rpc_error.hpp"
#include "net/http_server.hpp"

namespace matriarch::consensus::server {

struct ClientUser {
  std::string name;
  std::string password;
};

class Access {
 public:
  explicit Access(std::optional<ClientUser> user) : user_(std::move(user)) {}

  // Nothing when the request may pass.
  std::optional<RpcError> objection(const net::HttpRequest& request, const net::PeerInfo& peer) const;
  // A token that every node with the same user and password accepts, until the password changes.
  tl::expected<std::string, RpcError> log_in(const std::string& name, const std::string& password) const;

 private:
  std::string sign(const std::string& nonce) const;
  std::optional<ClientUser> user_;
};

}  // namespace matriarch::consensus::server
