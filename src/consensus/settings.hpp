// What the store program is told, already parsed and merged: `embedded:` of the YAML and what goes with it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "consensus/address.hpp"
#include "consensus/raft/peer_tls.hpp"

namespace matriarch::consensus {

struct MemberSettings {
  std::string data_dir;
  std::string name;   // the member's name, unique in the cluster
  std::string scope;  // of the cluster
  bool is_witness = false;

  HostPort raft_listen;                 // embedded.listen
  std::string raft_advertise;           // embedded.advertise, host:port
  std::vector<std::string> peers = {};  // embedded.peers, seeds; may name this node too
  raft::PeerSecurity security = {};     // needed as soon as there are peers

  bool form_alone = false;        // an empty PGDATA, or --form-new-cluster: a cluster of one may be formed
  bool allow_two_voters = false;  // embedded.allow_two_voters

  // Raft leadership follows the holder of this key, when its value is the name of a member: "/service/demo/leader".
  std::string leader_key = {};

  // With the shortest leases (raft/pace.hpp).
  std::chrono::milliseconds election_timeout{150};
  std::chrono::milliseconds heartbeat{50};
  // A voter silent for so long is replaced by a standby, if there is one.
  std::chrono::milliseconds replace_after{60'000};
  // Trouble in forming a cluster that will not heal by itself ends the program after so long.
  std::chrono::milliseconds founding_patience{5'000};
  std::vector<std::string> client_urls = {};  // what clients are told in the list of members
};

}  // namespace matriarch::consensus
