// The section `postgresql`, from the dynamic document and the local tree.
#pragma once

#include <boost/json.hpp>
#include <set>
#include <string>

#include "model/settings.hpp"
#include "settings/complaint.hpp"

namespace matriarch::settings {

// The effective section: the dynamic keys (but for the local-only ones), and the local ones over them, each as a whole;
// `parameters` is left out, it merges name by name.
boost::json::object merge_postgresql(const boost::json::object& local, const boost::json::object& dynamic);

// The two `parameters`, one over the other, over the defaults.
std::map<std::string, std::string> merge_parameters(const boost::json::object& local, const boost::json::object& dynamic);

// Old names become the present ones: postgresql.replication, .superuser, .pg_rewind, .create_replica_method.
void modernise_postgresql(boost::json::object& postgresql);

// Complaints about the types and values of a section as one source has it, with its paths; `path` is "postgresql" or
// "bootstrap.dcs.postgresql". What a dynamic section must not be (its `parameters` no mapping) is an error.
void check_local_postgresql(const boost::json::value* section, const std::string& path, Complaints& complaints);
void check_dynamic_postgresql(const boost::json::value* section, const std::string& path, Complaints& complaints);

// Typed. `required`: listen, data_dir and the replication user must be there.
model::PostgresSettings read_postgresql(const boost::json::object& merged, bool required, Complaints& complaints);

// Names of user-defined sections: the replica methods of a `postgresql` section.
std::set<std::string> replica_methods_of(const boost::json::object& postgresql);

}  // namespace matriarch::settings
