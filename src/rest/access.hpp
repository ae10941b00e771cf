// Who may change something through this API (docs/rest.md, "Access").
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"
#include "net/http_server.hpp"
#include "rest/answer.hpp"

namespace matriarch::rest {

// A network of the allowlist. IPv4-mapped IPv6 addresses are their IPv4 addresses.
class Network {
 public:
  // "10.0.0.0/8", "10.1.2.3", "fe80::/10"; bits of the host are allowed. Nothing: not an address (perhaps a name).
  static std::optional<Network> parse(std::string_view text);
  explicit Network(const boost::asio::ip::address& address);
  bool contains(const boost::asio::ip::address& address) const;
  bool operator==(const Network&) const = default;

 private:
  Network(const boost::asio::ip::address& address, unsigned bits);
  std::array<unsigned char, 16> prefix_{};  // IPv4 as ::ffff:a.b.c.d
  unsigned bits_ = 0;
};

struct AccessRules {
  std::string username, password;  // both empty: no authentication
  bool client_certificate_required = false;
  bool allowlist_configured = false;
  bool members_allowed = false;
  std::vector<Network> allowlist;  // resolved
  std::vector<Network> members;    // of the members' API addresses, resolved
  std::vector<Network> failsafe;   // of the members of the last known failsafe topology, resolved
};

// The answer to a request that may not pass; nothing when it may. `from_member`: a call that members make to one another;
// there the static list counts, and who belongs to the failsafe topology is let in besides.
std::optional<Answer> refuse(const AccessRules& rules, const net::PeerInfo& peer, const std::vector<net::Header>& headers,
                             bool from_member);

}  // namespace matriarch::rest
