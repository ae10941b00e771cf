// What is wrong with a transaction whatever the state of the store: sizes, counts, contradictory wishes, one key
// written twice.
#pragma once

#include <tl/expected.hpp>

#include "consensus/machine/command.hpp"
#include "consensus/machine/outcome.hpp"

namespace matriarch::consensus::machine {

tl::expected<void, Refusal> check_shape(const Transaction& transaction, const Limits& limits);

}  // namespace matriarch::consensus::machine
