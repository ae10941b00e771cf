// What 'matriarch store ...' does: plain functions that talk to a running store over its socket or client port, and
// two that work on the directory of a stopped one. They block, each within a deadline; errors are sentences for the
// operator.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "consensus/server/access.hpp"
#include "consensus/settings.hpp"
#include "net/http_client.hpp"

namespace matriarch::consensus::admin {

struct Target {
  net::Endpoint endpoint;                         // mostly UnixEndpoint of this node's store
  std::optional<server::ClientUser> user = {};    // needed on TCP when the store has one
  std::chrono::milliseconds patience{10'000};
};

template <typename T>
using Result = tl::expected<T, std::string>;

// The first of them that listens; the error names each and why not. So that an operator may say where the store should be.
Result<Target> find_listening(const std::vector<Target>& targets);

// The JSON of /matriarch/store/status: cluster_id, node, term, has_leader, revision, members[] (name, address, id, role,
// leader, witness, alive and, when the asked node leads, caught_up and behind, in entries). "changing": the roles are those
// of a change that is not agreed on yet. Of a node that is no member yet: obstacle.
Result<boost::json::value> status(const Target& target);
// The same for people.
std::string render_status(const boost::json::value& status);

// Invites the node at that Raft address, which must be running and belong to no cluster; returns when it is a member.
Result<void> add(const Target& target, const std::string& raft_address);
// By name, address or id. Refused when the living voters that remain would be no majority.
Result<void> remove(const Target& target, const std::string& member);
// Moves Raft's leadership.
Result<void> transfer(const Target& target, const std::string& member);

// All keys with their revisions into a file (replaced atomically); the size in bytes.
Result<std::size_t> snapshot(const Target& target, const std::string& file);
// Whether the file is a snapshot that can be restored.
Result<void> check_snapshot(const std::string& file);
// Replaces all keys of the running cluster by those of the file that live without a lease.
Result<void> restore(const Target& target, const std::string& file);

// Whether it could be recovered now: a member's directory that nobody uses. Changes nothing.
Result<void> check_recovery(const MemberSettings& settings);
// With the store stopped and the quorum lost for good: makes this node the only member of a cluster of its own, with
// all that its log holds. The other nodes' directories must be removed before they are started again.
Result<void> recover(const MemberSettings& settings);

}  // namespace matriarch::consensus::admin
