// The sections of a node that have nothing to do with PostgreSQL's own settings or the store: one reader each.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "model/settings.hpp"
#include "settings/complaint.hpp"

namespace matriarch::settings {

// `required`: restapi.listen must be there.
model::RestSettings read_restapi(const boost::json::object& local, bool required, Complaints& complaints);
// Credentials and trust default to those of the REST API.
model::CtlSettings read_ctl(const boost::json::object& local, const model::RestSettings& restapi, Complaints& complaints);
model::LogSettings read_log(const boost::json::object& local, Complaints& complaints);
model::WatchdogSettings read_watchdog(const boost::json::object& local, Complaints& complaints);
model::Tags read_tags(const boost::json::object& local, Complaints& complaints);
// Nothing when the section is absent: the node then never initialises a cluster.
std::optional<model::BootstrapSettings> read_bootstrap(const boost::json::object& local, Complaints& complaints);

}  // namespace matriarch::settings
