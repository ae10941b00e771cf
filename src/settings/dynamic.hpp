// The dynamic configuration: the JSON document that all nodes share in the store's key `config`.
//
// A document is accepted as a whole or not at all: a node never runs with half of a change.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <tl/expected.hpp>

#include "model/settings.hpp"
#include "settings/complaint.hpp"

namespace matriarch::settings {

// Which limits the three times have (docs/configuration.md, "Times").
enum class TimingLimits {
  kEmbedded,       // defaults 2 / 1 / 0.5 s, ttl at least 1 s, fractions
  kMatriarchOnly,  // another store, no Python Patroni: defaults 30 / 10 / 10 s, ttl at least 2 s, fractions, the sum rule
  kPatroni,        // a Python Patroni may take part: defaults 30 / 10 / 10 s, whole seconds, its minimums
                   // 20 / 1 / 3 s and the sum rule
};

// The limits before it is known whether a Patroni takes part: those that hold for every node of the cluster.
TimingLimits limits_of(const model::Settings& settings);

struct Accepted {
  model::DynamicSettings settings;  // `document` is the document as given
  Complaints warnings;              // adjusted times, unknown keys
  Complaints fallbacks;             // values that do not parse: the key has its default, as in a Patroni node
};

// Checks the whole document, its `postgresql` included.
tl::expected<Accepted, Complaints> accept_dynamic(const boost::json::object& document, TimingLimits limits);

// What must keep a change from being stored (a 400 of `PATCH /config` and `PUT /config`): the document would be
// rejected, or the change brings a value that does not parse. Old mistakes that the change leaves alone are no obstacle.
Complaints refuse_change(const boost::json::object& before, const boost::json::object& after, TimingLimits limits);

}  // namespace matriarch::settings
