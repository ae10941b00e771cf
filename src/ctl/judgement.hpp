// What the facts mean: a verdict with its causes, who could lead next and at what price. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/facts.hpp"

namespace matriarch::ctl {

// From worst to best, but for the last. The exit code of `status` follows from it.
enum class Verdict { kSplit, kDown, kRisk, kWarn, kOk, kUnknown };
std::string_view to_text(Verdict verdict);
int exit_code(Verdict verdict);  // 0 fine, 1 attention, 2 bad, 3 unknown

struct Cause {
  Verdict weight = Verdict::kWarn;
  std::string code, member, text;
};

// One condition that a candidate must meet.
struct Gate {
  std::string name;
  bool ok = true;
  std::string says;  // with the numbers
};

struct Candidate {
  std::string name;
  std::vector<Gate> gates;
  std::optional<std::uint64_t> loss_bytes;  // WAL of the leader, as last known, that it has not received
  bool eligible() const;
};

struct Judgement {
  Verdict verdict = Verdict::kUnknown;
  std::vector<Cause> causes;          // worst first
  std::vector<Candidate> candidates;  // eligible ones first, then by position
  std::string guarantee;              // what synchronous replication promises now, in words
  std::vector<std::string> next;      // commands for the operator, safest first
};

Judgement judge(const Facts& facts, std::string_view program);

// "0 B", "7.4 MB", "1.2 GB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace matriarch::ctl
