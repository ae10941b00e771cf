#include "ctl/table.hpp"

#include <algorithm>
#include <string_view>

#include "ctl/text_width.hpp"

namespace matriarch::ctl {
namespace {

std::vector<std::string_view> cell_lines(std::string_view cell) {
  std::vector<std::string_view> lines;
  while (true) {
    const auto end = cell.find('\n');
    lines.push_back(cell.substr(0, end));
    if (end == std::string_view::npos) return lines;
    cell.remove_prefix(end + 1);
  }
}

std::vector<std::size_t> widths_of(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    std::size_t width = text_width(table.columns[i].header);
    for (const auto& row : table.rows) {
      for (const auto line : cell_lines(row[i])) width = std::max(width, text_width(line));
    }
    widths.push_back(width);
  }
  return widths;
}

std::string rule_of(const std::vector<std::size_t>& widths) {
  std::string rule = "+";
  for (const std::size_t width : widths) rule += std::string(width + 2, '-') + "+";
  return rule;
}

// The title covers the rule from its second character on; junctions below it disappear.
std::string first_rule(const Table& table, const std::string& rule) {
  if (table.title.empty()) return rule;
  const auto shown = cut(table.title, rule.size() - 2);
  return "+" + std::string(shown) + rule.substr(1 + text_width(shown));
}

std::string line_of(const Table& table, const std::vector<std::size_t>& widths, const std::vector<std::string_view>& cells) {
  std::string line = "|";
  for (std::size_t i = 0; i < cells.size(); ++i) line += " " + pad(cells[i], widths[i], table.columns[i].align_right) + " |";
  return line + "\n";
}

std::string row_of(const Table& table, const std::vector<std::size_t>& widths, const std::vector<std::string>& row) {
  std::vector<std::vector<std::string_view>> cells;
  std::size_t height = 1;
  for (const auto& cell : row) {
    cells.push_back(cell_lines(cell));
    height = std::max(height, cells.back().size());
  }
  std::string text;
  for (std::size_t k = 0; k < height; ++k) {
    std::vector<std::string_view> line;
    for (const auto& cell : cells) line.push_back(k < cell.size() ? cell[k] : std::string_view{});
    text += line_of(table, widths, line);
  }
  return text;
}

bool has_tall_row(const Table& table) {
  return std::any_of(table.rows.begin(), table.rows.end(), [](const auto& row) {
    return std::any_of(row.begin(), row.end(), [](const std::string& cell) { return cell.find('\n') != std::string::npos; });
  });
}

}  // namespace

std::string to_text(const Table& table) {
  const auto widths = widths_of(table);
  const std::string rule = rule_of(widths);
  std::vector<std::string_view> headers;
  for (const auto& column : table.columns) headers.push_back(column.header);
  std::string text = first_rule(table, rule) + "\n" + line_of(table, widths, headers) + rule + "\n";
  const bool rule_after_each = has_tall_row(table);
  for (const auto& row : table.rows) {
    text += row_of(table, widths, row);
    if (rule_after_each) text += rule + "\n";
  }
  if (!rule_after_each) text += rule + "\n";
  return text;
}

}  // namespace matriarch::ctl
