// The first words on every connection between nodes: who calls, for what, and whether it is welcome.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "consensus/machine/bytes.hpp"

namespace matriarch::consensus::raft {

enum class Purpose : std::uint8_t {
  kRaft,   // a stream of libraft's messages, from caller to callee
  kCalls,  // requests and answers (calls.hpp)
};

struct Self {
  std::uint64_t cluster_id = 0;  // 0: belongs to none yet
  std::uint64_t raft_id = 0;
  std::string address;           // where others reach it
  std::string name;
};

struct Hello {
  Purpose purpose = Purpose::kCalls;
  std::uint64_t wanted_id = 0;  // the node that is meant; 0 = whoever is at that address
  Self caller;
};

struct Welcome {
  bool accepted = false;
  std::string reason = {};  // of a refusal
  Self callee = {};
};

// Why the caller is not welcome; nothing when it is. Raft's messages only pass between members of one cluster, and
// only to the very node that is meant: a wiped directory at the same address is another node.
std::optional<std::string> reason_to_refuse(const Hello& hello, const Self& self);

std::string encode(const Hello& hello);
std::string encode(const Welcome& welcome);
std::optional<Hello> decode_hello(std::string_view bytes);
std::optional<Welcome> decode_welcome(std::string_view bytes);

}  // namespace matriarch::consensus::raft
