// An entry of the Raft log: a batch of commands, and who submitted it, so that its submitter knows its own again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "consensus/machine/codec.hpp"

namespace matriarch::consensus::raft {

struct Ticket {
  std::uint64_t session = 0;  // random for each run of a process
  std::uint64_t number = 0;   // of the batch within the session
  bool operator==(const Ticket&) const = default;
};

struct Entry {
  Ticket ticket;
  std::vector<std::string> commands = {};  // each encoded by machine::encode
};

std::string encode(const Entry& entry);
// Bytes beyond the entry's own (libraft pads to whole words) must be zero.
tl::expected<Entry, machine::DecodeError> decode_entry(std::string_view bytes);
// Without reading the rest; nothing when this program cannot read the entry.
std::optional<Ticket> decode_ticket(std::string_view bytes);

}  // namespace matriarch::consensus::raft
