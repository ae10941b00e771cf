// Carries libraft's bytes: libuv holds one end of a socket pair, this the other end and the secured stream.
#pragma once

#include <tl/expected.hpp>

#include "consensus/raft/link.hpp"

namespace matriarch::consensus::raft {

// The descriptor for libraft; from now on what is written there goes to the peer and back. When either side closes,
// or the peer takes nothing for a while, both are closed.
tl::expected<int, std::string> start_pump(SecureStream stream);

}  // namespace matriarch::consensus::raft
