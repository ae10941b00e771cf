// The versions that this program claims.
#pragma once

#include <string_view>

namespace matriarch::model {

inline constexpr std::string_view kVersion = "0.1.0";          // the same as in the top CMakeLists.txt; a test compares them
// The Patroni version whose behaviour a node has: dotted integers, compared numerically by its peers.
inline constexpr std::string_view kPatroniVersion = "4.1.4";

}  // namespace matriarch::model
