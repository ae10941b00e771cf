#include "guardian/records.hpp"

#include <charconv>

namespace matriarch::guardian {
namespace {

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 40;
  return "'" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "...'" : "'");
}

}  // namespace

tl::expected<std::vector<Record>, std::string> parse_records(std::string_view text, std::string_view format) {
  if (text.size() > kMaxRecordsSize) return complaint("it is longer than any job can be");
  if (text.empty() || text.back() != '\0') return complaint("it is cut off: the last record has no end");
  const auto first = text.substr(0, text.find('\0'));
  if (first != format) {
    return complaint("it begins with " + quoted(first) + ", not with '" + std::string(format) + "'");
  }
  text.remove_prefix(first.size() + 1);
  std::vector<Record> records;
  while (!text.empty()) {
    const auto record = text.substr(0, text.find('\0'));
    const auto equals = record.find('=');
    if (equals == std::string_view::npos) return complaint("the record " + quoted(record) + " has no '='");
    records.push_back({.key = record.substr(0, equals), .value = record.substr(equals + 1)});
    text.remove_prefix(record.size() + 1);
  }
  return records;
}

void RecordWriter::add(std::string_view key, std::string_view value) {
  append(std::string(key).append("=").append(value.substr(0, value.find('\0'))));
}

tl::expected<std::int64_t, std::string> parse_number(const Record& record, std::int64_t least, std::int64_t most) {
  std::int64_t number = 0;
  const char* end = record.value.data() + record.value.size();
  const auto parsed = std::from_chars(record.value.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < least || number > most) {
    return tl::unexpected(std::string(record.key) + " is " + quoted(record.value) + ", not a number from " +
                          std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

}  // namespace matriarch::guardian
