// Looks for damage that libraft would not report: when it opens a log it cuts an open segment at the first batch of entries
// that cannot be read, taking it for a write that a crash cut short. What was acknowledged behind it would be forgotten.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace matriarch::consensus::raft {

// A batch that cannot be read with a sound one behind it is damage: libraft writes one batch after the other, so the later
// one proves that the former was whole. A last batch that cannot be read is a write cut short.
bool is_segment_damaged(std::string_view content);

// Of every open segment in Raft's directory; the error names the file. Reads only.
tl::expected<void, std::string> check_open_segments(const std::string& directory);

}  // namespace matriarch::consensus::raft
