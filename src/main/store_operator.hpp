// The embedded store's administration for the command line.
#pragma once

#include "ctl/store_operations.hpp"

namespace matriarch::main {

ctl::StoreOperations store_operations(const model::Settings& settings);

}  // namespace matriarch::main
