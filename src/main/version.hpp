#pragma once

namespace matriarch::main {

// The program's own version. What members publish to one another is rules::kVersion, the feature level of Patroni that
// their documents stand for.
inline constexpr const char* kProgramVersion = "0.1.0";

}  // namespace matriarch::main
