#include "consensus/server/access.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "consensus/membership/identity.hpp"

namespace matriarch::consensus::server {
namespace {

bool equal_in_constant_time(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::optional<RpcError> Access::objection(const net::HttpRequest& request, const net::PeerInfo& peer) const {
  if (peer.is_unix || !user_) return std::nullopt;
  const auto token = net::find_header(request.headers, "authorization");
  if (!token || token->empty()) return RpcError{RpcCode::kInvalidArgument, "etcdserver: user name is empty"};
  const auto dot = token->find('.');
  const std::string nonce(token->substr(0, dot));
  if (dot == std::string_view::npos || !equal_in_constant_time(sign(nonce), std::string(token->substr(dot + 1)))) {
    return RpcError{RpcCode::kUnauthenticated, "etcdserver: invalid auth token"};
  }
  return std::nullopt;
}

tl::expected<std::string, RpcError> Access::log_in(const std::string& name, const std::string& password) const {
  if (!user_) return tl::unexpected(RpcError{RpcCode::kFailedPrecondition, "etcdserver: authentication is not enabled"});
  const bool known = equal_in_constant_time(name, user_->name);
  if (!equal_in_constant_time(password, user_->password) || !known) {
    return tl::unexpected(
        RpcError{RpcCode::kInvalidArgument, "etcdserver: authentication failed, invalid user ID or password"});
  }
  const auto nonce = fmt::format("{:016x}", membership::random_id());
  return nonce + "." + sign(nonce);
}

std::string Access::sign(const std::string& nonce) const {
  const std::string message = "matriarch store token 1\n" + user_->name + "\n" + nonce;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), user_->password.data(), static_cast<int>(user_->password.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest, &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace matriarch::consensus::server
