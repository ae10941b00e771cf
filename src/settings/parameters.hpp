// The settings of PostgreSQL in `postgresql.parameters`: which of them the agent controls, and how the sources merge.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <string_view>

#include "settings/complaint.hpp"

namespace matriarch::settings {

// Names are compared without case; the spelling given last is kept.
class Parameters {
 public:
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  std::map<std::string, std::string> by_name() const;

 private:
  struct Entry {
    std::string name, value;
  };
  std::map<std::string, Entry> entries_;  // by lower-case name
};

// Passed on PostgreSQL's command line, so that every node of a cluster has the same: local files cannot change them.
bool is_controlled(std::string_view name);

// The values of a cluster without any configuration.
Parameters default_parameters();

// The dynamic values: controlled ones are checked, and have their default when the value is not acceptable (a warning).
void overlay_dynamic(Parameters& parameters, const boost::json::object& values, const std::string& path, Complaints& complaints);

// The local values: controlled ones are left out. A null hides what the dynamic configuration says.
void overlay_local(Parameters& parameters, const boost::json::object& values, const std::string& path, Complaints& complaints);

// The values for one role: controlled ones are left out with a warning.
std::map<std::string, std::string> role_parameters(const boost::json::object& values, const std::string& path, Complaints& complaints);

}  // namespace matriarch::settings
