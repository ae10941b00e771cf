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

// Whether a Python Patroni takes part in the cluster, which decides the limits of the three times.
enum class Neighbours {
  kUnknown,     // before the members are known: Patroni's limits, except with the embedded store
  kMatriarch,   // all members are Matriarch
  kPatroni,     // at least one is not
};

struct Circumstances {
  Purpose purpose = Purpose::kNode;
  Neighbours neighbours = Neighbours::kUnknown;
  bool strict = false;  // unknown keys are errors
};

struct Effective {
  model::Settings settings;  // meaningful only when usable()
  Complaints complaints;     // errors: report them all, change nothing
  Complaints rejected;       // why the document of the store (or the cache) was not accepted; it changed nothing
  bool usable() const { return !has_errors(complaints); }
};

Effective make_settings(const boost::json::object& local, const DynamicSources& dynamic = {}, const Circumstances& circumstances = {});
// The same, with complaints that say where the key stands.
Effective make_settings(const Loaded& local, const DynamicSources& dynamic = {}, const Circumstances& circumstances = {});

}  // namespace matriarch::settings
