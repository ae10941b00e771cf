// What a peer said, as part of a line of the log, which is ours: one line, and a short one. Control characters become '?'.
#pragma once

#include <string>
#include <string_view>

namespace matriarch::net {

std::string printable(std::string_view text);

}  // namespace matriarch::net
