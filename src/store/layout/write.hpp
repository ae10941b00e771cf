// Model -> the bytes of a record, exactly as Patroni writes them: no whitespace, ASCII, members in its order, positions
// as integers, absent fields left out.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/cluster.hpp"

namespace matriarch::store::layout {

std::string write_config(const boost::json::object& document);
std::string write_status(const model::StatusKey& status);

// Known members in Patroni's order, then our own as given. Absent (null) members and tags that are not a non-empty map are left
// out: null or an array there stops the loop of every Patroni node.
std::string write_member(const boost::json::object& document);

// Only leader, member and scheduled_at, and only what is not empty; {} is the cleared request.
std::string write_failover(const boost::json::object& document);
std::string write_sync(const model::MemberName& leader, const std::set<model::MemberName>& voters, int quorum);
std::string write_history(const std::vector<model::HistoryLine>& lines);
std::string write_failsafe(const std::map<model::MemberName, std::string>& members);

}  // namespace matriarch::store::layout
