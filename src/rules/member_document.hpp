// The member key: what this node tells the others through the store (docs/store-layout.md, "members").
#pragma once

#include <boost/json.hpp>

#include "rules/rule.hpp"

namespace matriarch::rules {

// The feature level that other members compare with: dotted integers, Patroni's numbering. Not the program's own version.
inline constexpr const char* kVersion = "4.1.4";

// Fields in Patroni's order; absent ones are left out.
boost::json::object member_document(const Situation& s);
// Whether they differ in nothing but positions, which need not be told at once. Another order of the fields counts as a
// difference: both were written by member_document().
bool same_apart_from_positions(const boost::json::object& a, const boost::json::object& b);

// Tags as published: built-in booleans only when true, except those that a priority implies.
boost::json::object published_tags(const Situation& s);

}  // namespace matriarch::rules
