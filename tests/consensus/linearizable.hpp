// Is a recorded history of one register linearizable? The search of Wing and Gong with the memory of Lowe: operations are
// taken in every order that real time allows until all fit, and a state seen before with the same operations done is
// not searched again.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace matriarch::consensus::test {

struct Operation {
  enum class Kind { kRead, kWrite, kCompareAndSet };
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  Kind kind = Kind::kRead;
  std::optional<std::string> expected = {};  // of a compare-and-set; nothing = the key must not exist
  std::optional<std::string> value = {};     // what is written, or what a read saw (nothing = no key)
  bool succeeded = true;                     // of a compare-and-set
  std::int64_t begun = 0;                    // nanoseconds of one clock
  std::int64_t ended = kNever;               // kNever: its outcome is unknown; it may take effect at any time, or never
};

// Operations that certainly did nothing (and reads without an answer) must be left out.
bool is_linearizable(const std::vector<Operation>& history);

// What a run saw, or was to see: a run that saw little proves little.
struct Tally {
  std::size_t answered = 0;
  std::size_t kills = 0;
  std::size_t freezes = 0;
};
// Where a run fell short of its plan, in words; empty: nowhere.
std::vector<std::string> shortfalls(const Tally& seen, const Tally& planned);

}  // namespace matriarch::consensus::test
