#include "postgres/history_file.hpp"

#include "postgres/text.hpp"

namespace matriarch::postgres {

std::vector<model::HistoryLine> parse_history_file(std::string_view content) {
  std::vector<model::HistoryLine> lines;
  for (const auto line : lines_of(content)) {
    const auto fields = split(line, '\t');
    if (fields.size() != 3) continue;
    const auto timeline = to_number<std::uint32_t>(trim(fields[0]));
    const auto lsn = model::parse_lsn(trim(fields[1]));
    if (!timeline || !lsn) continue;
    lines.push_back({.timeline = {*timeline}, .lsn = *lsn, .reason = std::string(fields[2])});
  }
  return lines;
}

std::string history_file_name(model::Timeline timeline) {
  return fmt::format("{:08X}.history", timeline.value);
}

}  // namespace matriarch::postgres
