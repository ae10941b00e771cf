// ttl, loop_wait and retry_timeout: their defaults, limits and the rule that binds them (docs/configuration.md, "Times").
#pragma once

#include <boost/json.hpp>
#include <tl/expected.hpp>

#include "model/settings.hpp"
#include "settings/complaint.hpp"
#include "settings/dynamic.hpp"

namespace matriarch::settings {

model::Timing default_timing(TimingLimits limits);

struct AdjustedTiming {
  model::Timing timing;
  Complaints warnings;  // one for each number that was changed
};

// The three keys of a document. A value that is no number makes the document unacceptable: all such are returned.
tl::expected<AdjustedTiming, Complaints> read_timing(const boost::json::object& document, TimingLimits limits);

// 1.5 s as a number of the document: 1.5; 2 s: 2.
boost::json::value in_seconds(model::Milliseconds time);

}  // namespace matriarch::settings
