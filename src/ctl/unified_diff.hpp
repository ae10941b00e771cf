// The difference of two texts as `diff -u` shows it, with three lines of context and empty file names.
#pragma once

#include <string>
#include <string_view>

namespace matriarch::ctl {

// Empty when the texts are equal.
std::string unified_diff(std::string_view before, std::string_view after);

// The same with colours of a terminal: removed red, added green, positions cyan.
std::string coloured(std::string_view diff);

}  // namespace matriarch::ctl
