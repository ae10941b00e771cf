// The local configuration of a node: one file, a directory of files, or the environment alone, with the environment
// merged over the files (docs/configuration.md, "Where settings come from").
#pragma once

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "settings/complaint.hpp"

namespace matriarch::settings {

using Environment = std::map<std::string, std::string>;
std::string variable(const Environment& environment, const std::string& name);  // empty when it is not set

struct LocalSource {
  std::string path;         // a YAML file or a directory of them; empty, or not existing: the environment alone
  Environment environment;  // captured once at start, merged again on every reload
};

// Where each key of the tree was given last: dotted path -> "pg1.yml:12" or the name of a variable.
using Origins = std::map<std::string, std::string>;

struct Loaded {
  boost::json::object raw;            // the merged tree, as written: no defaults, no conversion
  Complaints complaints;              // an error: keep what was loaded before (raw is then empty)
  Origins origins;
  std::vector<std::string> consumed;  // recognised variables: to be removed from the environment of children (secrets)
  bool from_files = false;            // false: there is nothing to read again on reload
  bool usable() const { return !has_errors(complaints); }
};

// Why a file or directory cannot be read, with the user who tried; nothing: it can.
std::optional<std::string> why_unreadable(const std::string& path);

// Reads files; never throws. An unusable source is an error among the complaints.
Loaded load(const LocalSource& source);

// A reload that brought nothing new is one whose tree is model::same_configuration() as before.
}  // namespace matriarch::settings
