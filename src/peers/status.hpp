// What a member's status document (GET /patroni) says about its chances to lead.
#pragma once

#include <string_view>

#include "model/peer.hpp"

namespace matriarch::peers {

// The HTTP status does not matter, the body does. Without positions (`xlog` or `wal`) the member is not reachable.
model::PeerStatus parse_status(std::string_view body);

}  // namespace matriarch::peers
