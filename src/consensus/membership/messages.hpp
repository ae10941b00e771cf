// What nodes ask of each other, over calls (raft/calls.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "consensus/machine/command.hpp"
#include "consensus/membership/founding.hpp"

namespace matriarch::consensus::membership {

// "What are you?" Answered with a Condition by every node, whatever its standing.
struct Inquire {};
struct AskPromise {
  Founding founding;
};
struct AskCommit {
  Founding founding;
};
// To the leader: carry this out. Answered with Forwarded.
struct ForwardCommand {
  std::string command;            // machine::encode
  std::uint64_t waited_ns = 0;    // how long it has been on its way
};
// To the leader: answer this read, linearizably.
struct ForwardRead {
  machine::Transaction transaction;
};
// To any member: make me one of you. Handed on to the leader.
struct AskJoin {
  machine::Node node;
};
// To a node that belongs to no cluster: join the sender's.
struct AskEnter {
  std::string through;  // a member's address
};
// To any member, for the leader: take that node out of the cluster.
struct AskRemove {
  std::uint64_t raft_id = 0;
};
struct AskTransfer {
  std::uint64_t raft_id = 0;
};

using Request =
    std::variant<Inquire, AskPromise, AskCommit, ForwardCommand, ForwardRead, AskJoin, AskEnter, AskRemove, AskTransfer>;

struct Reply {
  enum class Verdict : std::uint8_t {
    kDone,
    kNotLeader,   // ask `leader_address`; certainly not done
    kUnknown,     // leadership was lost on the way: it may still be done
    kRefused,     // for the reason given; certainly not done
    kTryLater,    // not possible at the moment; certainly not done
  };
  Verdict verdict = Verdict::kDone;
  std::string reason = {};
  std::string leader_address = {};
  std::string outcome = {};                    // machine::encode(Outcome), of forwarded commands and reads
  std::optional<Condition> condition = {};     // of Inquire
};

std::string encode(const Request& request);
std::string encode(const Reply& reply);
std::optional<Request> decode_request(std::string_view bytes);
std::optional<Reply> decode_reply(std::string_view bytes);

}  // namespace matriarch::consensus::membership
