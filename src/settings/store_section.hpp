// Which store the cluster has its state in: exactly one section of the file says it, for a second one by mistake could
// make a second cluster.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "model/settings.hpp"
#include "settings/complaint.hpp"

namespace matriarch::settings {

// What the defaults of the embedded store are taken from.
struct StoreContext {
  std::string rest_host;  // of restapi.connect_address; empty when there is none
  std::string data_dir;   // PGDATA; empty when there is none
  bool runs_store = true; // this program is a node of the embedded store, not only its client
};

// Nothing, with errors, when no section or more than one is there, or the one is not supported.
std::optional<model::StoreSettings> read_store(const boost::json::object& local, const StoreContext& context, Complaints& complaints);

}  // namespace matriarch::settings
