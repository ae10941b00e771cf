// From the merged local tree and the dynamic document to typed settings: defaults, precedence, conversion, and a
// complaint for whatever is missing, wrong, unknown or not supported.
//
// Precedence: environment > later files > earlier files > dynamic > defaults; but ttl, loop_wait, retry_timeout,
// standby_cluster and use_slots come from the dynamic configuration alone.
#pragma once

#include <boost/json.hpp>
#include <optional>

#include "model/settings.hpp"
#include "settings/complaint.hpp"
#include "settings/dynamic.hpp"
#include "settings/local.hpp"

namespace matriarch::settings {

// What the settings are for, which decides what must be present.
enum class Purpose {
  kNode,     // runs PostgreSQL: scope, name, restapi.listen, postgresql.listen, postgresql.data_dir and a store
  kWitness,  // votes in the embedded store: the section `embedded` (or `raft`) with its data_dir
  kControl,  // the command line: a store; the rest when present
};

// The dynamic document: the first of these that is a non-empty object and is accepted, else `bootstrap.dcs`.
struct DynamicSources {
  std::optional<boost::json::object> store;   // the value of the key `config`
  std::optional<boost::json::object> cached;  // patroni.dynamic.json, or the document accepted last
};

struct Rules {
  Purpose purpose = Purpose::kNode;
  bool strict = false;              // unknown keys are errors
  bool patroni_members = true;      // a Python Patroni takes part or may; only matters for stores that are not embedded,
                                    // unless `patroni_seen` is set
  bool patroni_seen = false;        // a Python Patroni does take part: its minimums hold for the embedded store as well
};

struct Effective {
  model::Settings settings;  // meaningful only when usable()
  Complaints complaints;
  Complaints rejected;       // why the document of the store (or the cache) was not accepted; it changed nothing
  bool usable() const { return !has_errors(complaints); }
};

Effective make_settings(const boost::json::object& local, const DynamicSources& dynamic = {}, const Rules& rules = {});
// The same, with complaints that say where the key stands.
Effective make_settings(const Loaded& local, const DynamicSources& dynamic = {}, const Rules& rules = {});

}  // namespace matriarch::settings
