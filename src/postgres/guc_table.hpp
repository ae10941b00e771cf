// What is known of PostgreSQL's settings, versions 12 to 18: type, range, and the versions that have them.
#pragma once

#include <span>
#include <string_view>

namespace matriarch::postgres {

enum class GucKind { kBool, kInteger, kReal, kEnum, kEnumBool, kString };

struct Guc {
  std::string_view name;
  GucKind kind;
  int from;                 // first server version that has it (150004); 0: older than 12
  int below;                // first one that has it no more; 0: still there
  double min, max;
  std::string_view unit;    // "kB", "8kB", "ms", ...
  std::string_view values;  // of an enumeration, separated by |
  bool exists_in(int version) const { return version >= from && (below == 0 || version < below); }
};

// Sorted by name without case; a name has one row for each range of versions with a meaning of its own.
std::span<const Guc> known_gucs();
// Null when the table has no row of that name (without case) for that version.
const Guc* find_guc(std::string_view name, int version);
bool is_known_guc_name(std::string_view name);

// Settings of a standby: written in the recovery section, never among the server's parameters.
const Guc* find_recovery_guc(std::string_view name, int version);
bool is_recovery_guc(std::string_view name);

}  // namespace matriarch::postgres
