// The tables, printed for people.
#pragma once

#include <string>

#include "rules/house.hpp"

namespace matriarch::rules {

// For a terminal: each table with its rows in order.
std::string as_text(const House& house);
// docs/rules.md, byte for byte.
std::string as_markdown(const House& house);

}  // namespace matriarch::rules
