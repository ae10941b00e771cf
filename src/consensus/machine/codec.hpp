// Commands and outcomes as bytes: what stands in the log and goes between nodes.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "consensus/machine/command.hpp"
#include "consensus/machine/outcome.hpp"

namespace matriarch::consensus::machine {

// The first byte of every encoded command and outcome.
inline constexpr std::uint8_t kFormat = 1;

enum class DecodeError {
  kMalformed,  // no such command: damaged, or not ours
  kTooNew,     // a format this program does not know: it must stop rather than guess, or the copies would differ
};

std::string encode(const Command& command);
tl::expected<Command, DecodeError> decode_command(std::string_view bytes);

std::string encode(const Outcome& outcome);
tl::expected<Outcome, DecodeError> decode_outcome(std::string_view bytes);
std::size_t encoded_size(const Outcome& outcome);

}  // namespace matriarch::consensus::machine
