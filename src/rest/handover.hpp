// Switchover and failover as seen from the API: may it begin, and how did it end.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "model/cluster.hpp"
#include "model/peer.hpp"
#include "model/settings.hpp"
#include "ports/peers.hpp"
#include "rest/answer.hpp"
#include "rest/bodies.hpp"

namespace matriarch::rest {

// What stands against it in the store; else the members of whom at least one must answer as a good candidate.
tl::expected<std::vector<ports::PeerAddress>, Answer> candidates_to_ask(const HandoverOrder& order, const model::Cluster& cluster,
                                                                        const model::DynamicSettings& dynamic);
// The refusal when nobody who was asked is fit.
std::optional<Answer> refuse_without_candidate(const HandoverOrder& order, const std::map<model::MemberName, model::PeerStatus>& answers);

// How long the result is waited for.
model::Milliseconds patience(const model::DynamicSettings& dynamic);

// The end, as far as it can be seen in `now`. `before` is the cluster in which the request was written; `now` must already
// show the written request or what became of it.
std::optional<Answer> outcome(const HandoverOrder& order, const model::Cluster& before, const model::Cluster& now);
Answer outcome_unknown(const HandoverOrder& order, model::Milliseconds waited);

}  // namespace matriarch::rest
