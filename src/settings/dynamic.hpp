// The dynamic configuration: the JSON document that all nodes share in the store's key `config`.
//
// A document is accepted as a whole or not at all: a node never runs with half of a change.
#pragma once

#include <boost/json.hpp>
#include <tl/expected.hpp>

#include "model/settings.hpp"
#include "settings/complaint.hpp"

namespace matriarch::settings {

// Which limits the three times have (docs/configuration.md, "Times").
enum class TimingLimits {
  kEmbedded,       // defaults 2 / 1 / 0.5 s, ttl at least 1 s, fractions
  kMatriarchOnly,  // another store, no Python Patroni: defaults 30 / 10 / 10 s, ttl at least 2 s, fractions, the sum rule
  kPatroni,        // a Python Patroni may take part: whole seconds, its minimums 20 / 1 / 3 and the sum rule
};

struct Accepted {
  model::DynamicSettings settings;  // `document` is the document as given
  Complaints warnings;              // adjusted times, values that fell back to their default, unknown keys
};

// Checks the whole document, its `postgresql` included. `embedded` selects the defaults when limits are kPatroni.
tl::expected<Accepted, Complaints> accept_dynamic(const boost::json::object& document, TimingLimits limits,
                                                  bool embedded = false);

// `PATCH /config`: null removes a key, mappings merge, everything else replaces (docs/configuration.md, "Merging").
// Returns the new document; whether anything changed is its inequality with the old one.
boost::json::object patch(boost::json::object document, const boost::json::object& changes);

// What the key `config` holds: the document as compact JSON.
std::string to_stored(const boost::json::object& document);

}  // namespace matriarch::settings
