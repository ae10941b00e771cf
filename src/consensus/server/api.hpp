// etcd's v3 HTTP/JSON API over a node of the embedded store, and the few requests of our own that operators need.
//
// POST /v3/kv/{range,put,deleterange,txn,compaction} · /v3/lease/{grant,keepalive,revoke,timetolive,leases} (also under
// /v3/kv/lease/) · /v3/watch · /v3/cluster/member/list · /v3/maintenance/status · /v3/auth/authenticate
// GET /version · /health
// Additions an etcd client does not see: TTL_ms and grantedTTL_ms (milliseconds) in leases, `dedup: {client, sequence}` in what
// changes something. The header Grpc-Timeout bounds a request, as in etcd's gateway.
// Own: GET /matriarch/store/{status,snapshot} · POST /matriarch/store/{remove,transfer,add,restore}
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "consensus/node.hpp"
#include "consensus/server/access.hpp"
#include "net/http_server.hpp"

#include <boost/json/object.hpp>

namespace matriarch::consensus::server {

class Api {
 public:
  Api(Node& node, std::optional<ClientUser> user);

  // For net::HttpServer.
  boost::asio::awaitable<std::optional<net::HttpResponse>> answer(net::HttpRequest request, net::PeerInfo peer,
                                                                 net::ChunkWriter& writer);

 private:
  struct Call;
  using Handled = boost::asio::awaitable<net::HttpResponse>;
  using Handler = Handled (Api::*)(Call& call);
  static Handler find_handler(const std::string& path);

  Handled range(Call& call);
  Handled put(Call& call);
  Handled delete_range(Call& call);
  Handled transaction(Call& call);
  Handled compact(Call& call);
  Handled grant_lease(Call& call);
  Handled keep_alive(Call& call);
  Handled revoke_lease(Call& call);
  Handled time_to_live(Call& call);
  Handled leases(Call& call);
  Handled member_list(Call& call);
  Handled maintenance_status(Call& call);
  Handled authenticate(Call& call);
  Handled store_status(Call& call);
  Handled store_remove(Call& call);
  Handled store_transfer(Call& call);
  Handled store_add(Call& call);
  Handled store_snapshot(Call& call);
  Handled store_restore(Call& call);

  boost::asio::awaitable<void> watch(Call& call, net::ChunkWriter& writer);
  boost::asio::awaitable<bool> await_leader(Moment deadline);  // false: there is none
  net::HttpResponse health() const;
  boost::json::object header(machine::Revision revision) const;
  using Render = boost::json::object (*)(const machine::Answer& answer, machine::Revision revision);
  Handled carry_out(machine::Command command, Call& call, Render render);

  Node& node_;
  Access access_;
};

}  // namespace matriarch::consensus::server
