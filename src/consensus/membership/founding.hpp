// How a cluster comes into being once and only once. Pure: what a node that belongs to no cluster does, given what the
// nodes of its list say of themselves. The protocol and why it is safe stand in ../README.md.
#pragma once

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "consensus/membership/identity.hpp"

namespace matriarch::consensus::membership {

// The addresses a node was told to begin with, itself included; sorted, without repetitions.
std::vector<std::string> founding_list(std::vector<std::string> peers, const std::string& own_address);
std::string hash_of(const std::vector<std::string>& list);

// What a node says of itself when asked.
struct Condition {
  std::uint64_t raft_id = 0;
  std::string address;
  std::string name;
  Standing standing = Standing::kFresh;
  std::uint64_t cluster_id = 0;
  std::vector<std::string> list = {};      // its own
  std::optional<Founding> founding = {};   // promised, or the one its cluster began with
  bool knows_asker = false;                // a member: the asker's id is in the cluster's configuration
  std::string leader_address = {};         // a member: where the leader is, as far as it knows
};

// The answer of each address of the list but the own; nothing when it did not answer.
struct Answer {
  std::string address;
  std::optional<Condition> condition = {};
};

struct Situation {
  Identity self;
  std::string address;
  std::string name;
  std::vector<std::string> list = {};
  std::vector<Answer> answers = {};
  bool may_form_alone = false;        // the list is this node alone and that is meant
  bool two_voters_allowed = false;
  std::uint64_t fresh_cluster_id = 0;  // random, for a proposal
};

struct KeepAsking {
  std::string why;
};
struct Join {
  std::string through;  // a member's address
  std::uint64_t cluster_id = 0;
};
struct Propose {  // promise it oneself, ask every founder for its promise, then commit
  Founding founding;
};
struct Commit {  // another founder is a member already: become one too
  Founding founding;
};
struct Complain {  // will not heal by itself
  std::string why;
};
using Step = std::variant<KeepAsking, Join, Propose, Commit, Complain>;

Step next_step(const Situation& situation);

// May this node promise to be a founder of that cluster? The error is for the proposer's log.
tl::expected<void, std::string> may_promise(const Identity& self, const std::vector<std::string>& own_list,
                                            const Founding& founding);
// May this node, asked to, become a member of that cluster? Only of the one it promised.
tl::expected<void, std::string> may_commit(const Identity& self, const Founding& founding);

}  // namespace matriarch::consensus::membership
