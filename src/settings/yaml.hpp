// YAML as Patroni reads it (YAML 1.1, safe: scalars, lists, mappings), as JSON values; and back.
//
// Bounded: 1 MiB of text, 64 levels, 100,000 values after aliases are expanded. Garbage is an error, never a crash.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "settings/complaint.hpp"

namespace matriarch::settings {

struct YamlDocument {
  boost::json::value value;          // null for an empty document
  std::map<std::string, int> lines;  // dotted path -> line, from 1
  Complaints warnings;               // duplicate keys
};

// `name` is the file, for complaints. One document; more is an error.
tl::expected<YamlDocument, Complaint> parse_yaml(std::string_view text, std::string_view name);

// Block style, keys sorted, two blanks, lists not indented below their key. parse_yaml() of it gives the value back.
std::string to_yaml(const boost::json::value& value);

}  // namespace matriarch::settings
