// The variables PATRONI_* (and MATRIARCH_*, which yield to them) as a configuration tree.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <vector>

#include "settings/complaint.hpp"
#include "settings/local.hpp"

namespace matriarch::settings {

struct FromEnvironment {
  boost::json::object tree;
  Complaints complaints;
  Origins origins;                    // dotted path -> variable
  std::vector<std::string> consumed;  // recognised names, whether usable or not
};

// `file`: what the files say; credentials of a store are only taken when its section exists there or here.
// Values that do not convert are left out with a warning. Empty values count as not set.
FromEnvironment read_environment(const Environment& environment, const boost::json::object& file);

// A variable that is read, and the key it sets. "*" in a name stands for one of the known sections.
struct Variable {
  std::string name;
  std::string path;
  std::string_view reading;  // "text", "integer", "number", "boolean", "list", "mapping"
};
// All of them, for documents and tests: PATRONI_CONFIGURATION included.
std::vector<Variable> known_variables();

}  // namespace matriarch::settings
