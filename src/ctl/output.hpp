// Results in the formats that patronictl has (docs/ctl.md, "Output").
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::ctl {

enum class Format { kPretty, kTopology, kTsv, kJson, kYaml };

// "pretty", "tsv", "json", "yaml", "yml".
std::optional<Format> parse_format(std::string_view text);
inline constexpr std::string_view kFormatChoices = "'pretty', 'tsv', 'json', 'yaml', 'yml'";

struct OutputColumn {
  std::string name;           // key in json and yaml, header in tsv
  std::string table_header;   // empty: the name
  bool align_right = false;
};

// Values as typed; a text or number prints as it is, an object or array as YAML.
struct Records {
  std::vector<OutputColumn> columns;
  std::vector<std::vector<boost::json::value>> rows;
};

struct OutputOptions {
  std::string title;            // of the table
  bool omit_empty = false;      // json, yaml: keys whose value is an empty text are left out
  std::string delimiter = "\t";
};

// Ends with a line feed; YAML with an empty line besides.
std::string render(const Records& records, Format format, const OutputOptions& options);

// A value as a cell shows it: 5, 1.5, True, None, text.
std::string cell_text(const boost::json::value& value);
// The same of the value under a key; empty for null and where there is none.
std::string cell_at(const boost::json::object& object, std::string_view key);

// "{a: true, b: [1, 2]}", keys sorted.
std::string flow_yaml(const boost::json::value& value);
// "a: true\nb: x", keys sorted, without a final line feed.
std::string block_yaml(const boost::json::value& value);

}  // namespace matriarch::ctl
