// Arguments of PostgreSQL's tools that come from the user.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/settings.hpp"

namespace matriarch::postgres {

struct CheckedOptions {
  std::vector<std::string> accepted;    // "--name" or "--name=value"
  std::vector<std::string> complaints;  // "pgdata option for pg_rewind is not allowed"
};
CheckedOptions check_options(std::string_view tool, const model::Options& options, std::span<const std::string_view> refused);
bool has_option(const std::vector<std::string>& options, std::string_view name);

// A configured command with its parameters: the words, then "--key=value" each.
std::vector<std::string> command_with_parameters(std::vector<std::string> words, const std::vector<std::pair<std::string, std::string>>& parameters);

// pg_basebackup's progress report: "  23416/23416 kB (100%), 1/1 tablespace".
struct CopyProgress {
  std::uint64_t done_kilobytes = 0, total_kilobytes = 0;
};
std::optional<CopyProgress> parse_copy_progress(std::string_view line);
// "1.2 GB of 3.4 GB, 120 MB/s, 19 s left"
std::string describe(const CopyProgress& progress, double seconds);

}  // namespace matriarch::postgres
