#include "ctl/store_members.hpp"

#include <boost/json.hpp>
#include <fmt/format.h>

#include "model/json_text.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

bool flag_of(const json::object& object, std::string_view key, bool fallback) {
  const auto* value = object.if_contains(key);
  return value && value->is_bool() ? value->get_bool() : fallback;
}

void read_member(const json::object& member, StoreMembers& members) {
  const bool votes = model::text_at(member, "role") == "voter";
  if (votes) ++members.voters;
  if (flag_of(member, "alive", true)) return;
  const auto name = model::text_at(member, "name"), address = model::text_at(member, "address");
  (votes ? members.silent_voters : members.silent_others).push_back(name.empty() ? address : fmt::format("{} ({})", name, address));
}

}  // namespace

StoreMembers read_store_status(const json::value& status) {
  StoreMembers members;
  const auto* object = status.if_object();
  if (!object) return members;
  members.answered = true;
  members.has_leader = flag_of(*object, "has_leader", false);
  members.error = model::text_at(*object, "obstacle");
  const auto* rows = object->if_contains("members");
  if (!rows || !rows->is_array()) return members;
  for (const auto& row : rows->get_array()) {
    if (row.is_object()) read_member(row.get_object(), members);
  }
  return members;
}

std::string describe(const StoreMembers& members) {
  if (!members.answered) return members.error.empty() ? "the store of this node does not answer" : members.error;
  if (!members.error.empty()) return fmt::format("the store of this node is no member of a cluster yet: {}", members.error);
  const std::string silent = members.silent_voters.empty() ? std::string()
                                                           : fmt::format("{} of {} voters of the store {} not answer: {}", members.silent_voters.size(), members.voters,
                                                                         members.silent_voters.size() == 1 ? "does" : "do", fmt::join(members.silent_voters, ", "));
  if (members.has_leader) return silent.empty() ? "the embedded store has a majority" : silent;
  return silent.empty() ? "the embedded store has no leader" : "the embedded store has no majority: " + silent;
}

std::string store_advice(const std::optional<StoreMembers>& members, std::string_view program) {
  if (!members) return {};
  std::string text = describe(*members) + "\n";
  if (members->answered) text += fmt::format("Start the members that do not answer; who they are: {} store status\n", program);
  return text;
}

std::string said_plainly(const model::Settings& settings, std::string what) {
  if (!settings.uses_embedded_store()) return what;
  const auto has = [&](std::string_view part) { return what.find(part) != std::string::npos; };
  const bool range_timed_out = has("/kv/range") && has("timed out");
  if (!has("etcdserver: no leader") && !range_timed_out && !has("DCS is not accessible")) return what;
  return "the embedded store has no majority (see matriarch store status)";
}

}  // namespace matriarch::ctl
