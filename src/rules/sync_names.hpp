// The text of synchronous_standby_names (PostgreSQL 15, runtime-config-replication; docs/rules.md "synchronous").
#pragma once

#include <set>
#include <string>

#include "rules/rule.hpp"

namespace matriarch::rules {

// Stands for "somebody must confirm, and nobody can": commits wait. No member may have this name.
inline constexpr const char* kNobody = "__patroni_strict_sync_replica_placeholder__";

// names empty: "" when num is 0, else the placeholder. One name: the name; several: "N (a,b)"; with `any`: "ANY N (a,b)".
std::string sync_names_text(const std::set<model::MemberName>& names, int num, bool any);
model::SyncNames sync_names(const std::set<model::MemberName>& names, int num, bool any);
// The members a commit really waits for: the placeholder is nobody.
std::set<model::MemberName> members_of(const model::SyncNames& names);

int min_sync(const Situation& s);     // 1 in strict mode
int sync_wanted(const Situation& s);  // how many synchronous standbys are asked for
// What an operator configured by hand; in force while synchronous mode is off.
std::string own_sync_names(const Situation& s);

}  // namespace matriarch::rules
