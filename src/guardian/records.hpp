// A list of "key=value" texts, each ended by a NUL byte, after one that names the format: what a job, a launch and a
// handover are written in. Values may hold anything but NUL, so that arguments and environments need no quoting.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace matriarch::guardian {

struct Record {
  std::string_view key;
  std::string_view value;
};

inline constexpr std::size_t kMaxRecordsSize = 8u << 20;  // far above the kernel's bound for one exec

// The records of a text that begins with `format`, in order; keys may repeat. The views point into `text`.
// The error says what is wrong, for the operator.
tl::expected<std::vector<Record>, std::string> parse_records(std::string_view text, std::string_view format);

inline tl::unexpected<std::string> complaint(std::string what) {
  return tl::unexpected(std::move(what));
}

class RecordWriter {
 public:
  explicit RecordWriter(std::string_view format) { append(format); }
  // A NUL inside the value would end it: the rest is left out, as every C interface would.
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, std::int64_t value) { add(key, std::to_string(value)); }
  const std::string& text() const { return text_; }

 private:
  void append(std::string_view part) { text_.append(part).push_back('\0'); }
  std::string text_;
};

// The whole value as a decimal number within [least, most].
tl::expected<std::int64_t, std::string> parse_number(const Record& record, std::int64_t least, std::int64_t most);

}  // namespace matriarch::guardian
