// Versions of PostgreSQL as libpq counts them: 150004 is 15.4.
#pragma once

#include <optional>
#include <string_view>

namespace matriarch::postgres {

inline constexpr int kOldestVersion = 120000;

// "postgres (PostgreSQL) 15.4 (Debian ...)" -> 150004; "19beta1" -> 190000.
std::optional<int> parse_version_output(std::string_view output);
// PG_VERSION: "15" -> 150000.
std::optional<int> parse_major_version(std::string_view content);
inline int major_of(int version) { return version / 10000 * 10000; }

}  // namespace matriarch::postgres
