// What the embedded store says of itself: whether it has a majority, and which members do not answer.
#pragma once

#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/settings.hpp"

namespace matriarch::ctl {

struct StoreMembers {
  bool answered = false;            // this node's store does
  bool has_leader = false;          // a majority of its voters can talk to each other
  std::string error;                // why it did not answer, or why it is no member yet
  std::size_t voters = 0;
  std::vector<std::string> silent_voters;  // "pg-c (192.0.2.13:7400)"
  std::vector<std::string> silent_others;  // standbys and spares
};

// Of the document of `store status`.
StoreMembers read_store_status(const boost::json::value& status);

// "the embedded store has no majority: 2 of 3 voters of the store do not answer: pg-b (...), pg-c (...)"; for an operator.
std::string describe(const StoreMembers& members);

// What is known of it and what to do, a line each; empty for another store.
std::string store_advice(const std::optional<StoreMembers>& members, std::string_view program);

// The store's own words for a lost majority, replaced by ours; anything else as it is.
std::string said_plainly(const model::Settings& settings, std::string what);

}  // namespace matriarch::ctl
