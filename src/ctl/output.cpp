#include "ctl/output.hpp"

#include <algorithm>
#include <map>

#include "ctl/table.hpp"
#include "model/json_merge.hpp"
#include "model/json_text.hpp"
#include "settings/yaml.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

json::object to_object(const Records& records, const std::vector<json::value>& row, bool omit_empty) {
  json::object object;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const bool is_empty = row[i].is_string() && row[i].get_string().empty();
    if (!omit_empty || !is_empty) object[records.columns[i].name] = row[i];
  }
  return object;
}

json::array to_array(const Records& records, bool omit_empty) {
  json::array array;
  for (const auto& row : records.rows) array.push_back(to_object(records, row, omit_empty));
  return array;
}

std::string render_table(const Records& records, Format format, const OutputOptions& options) {
  Table table{.title = options.title};
  for (const auto& column : records.columns) table.columns.push_back({column.table_header.empty() ? column.name : column.table_header, column.align_right});
  for (const auto& row : records.rows) {
    std::vector<std::string> cells;
    for (const auto& value : row) {
      if (!value.is_structured()) cells.push_back(cell_text(value));
      else cells.push_back(format == Format::kTopology ? flow_yaml(value) : block_yaml(value));
    }
    table.rows.push_back(std::move(cells));
  }
  return to_text(table);
}

// No quoting: a line feed or tab inside a value breaks the line, and scripts know.
std::string render_tsv(const Records& records, const OutputOptions& options) {
  std::string text;
  const auto add_line = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i ? options.delimiter : "") + cells[i];
    text += '\n';
  };
  std::vector<std::string> header;
  for (const auto& column : records.columns) header.push_back(column.name);
  add_line(header);
  for (const auto& row : records.rows) {
    std::vector<std::string> cells;
    for (const auto& value : row) cells.push_back(value.is_structured() ? flow_yaml(value) : cell_text(value));
    add_line(cells);
  }
  return text;
}

std::string without_line_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

std::optional<Format> parse_format(std::string_view text) {
  if (text == "pretty") return Format::kPretty;
  if (text == "tsv") return Format::kTsv;
  if (text == "json") return Format::kJson;
  if (text == "yaml" || text == "yml") return Format::kYaml;
  return std::nullopt;
}

std::string cell_text(const json::value& value) { return model::comparison_text(value); }

std::string cell_at(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && !value->is_null() ? cell_text(*value) : std::string();
}

std::string flow_yaml(const json::value& value) {
  std::string text;
  if (value.is_array()) {
    for (const auto& item : value.get_array()) text += (text.empty() ? "" : ", ") + flow_yaml(item);
    return "[" + text + "]";
  }
  if (value.is_object()) {
    std::map<std::string_view, const json::value*> sorted;
    for (const auto& member : value.get_object()) sorted.emplace(member.key(), &member.value());
    for (const auto& [key, item] : sorted) text += (text.empty() ? "" : ", ") + flow_yaml(json::value(key)) + ": " + flow_yaml(*item);
    return "{" + text + "}";
  }
  return without_line_end(settings::to_yaml(value));
}

std::string block_yaml(const json::value& value) { return without_line_end(settings::to_yaml(value)); }

std::string render(const Records& records, Format format, const OutputOptions& options) {
  switch (format) {
    case Format::kPretty:
    case Format::kTopology: return render_table(records, format, options);
    case Format::kTsv: return render_tsv(records, options);
    case Format::kJson: return model::write_json(to_array(records, options.omit_empty), model::JsonSpacing::kSpaced) + "\n";
    case Format::kYaml: return without_line_end(settings::to_yaml(to_array(records, options.omit_empty))) + "\n\n";
  }
  return {};
}

}  // namespace matriarch::ctl
