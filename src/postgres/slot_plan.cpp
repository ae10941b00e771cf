#include "postgres/slot_plan.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "model/json_text.hpp"
#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

using model::Member;
using model::MemberName;
using Wanted = std::map<std::string, WantedSlot>;

bool is_leader_like(model::PostgresRole role) {
  return role == model::PostgresRole::kPrimary || role == model::PostgresRole::kStandbyLeader;
}

// Members older than 4.0.0 do not publish the positions of all slots.
bool publishes_positions(const Member* leader) {
  if (leader == nullptr) return true;
  const auto major = to_number<int>(split(leader->version, '.').front());
  return !major || *major >= 4;
}

// ---- members -------------------------------------------------------------------------------------------------------

struct Context {
  const SlotInputs& in;
  MemberName me;
  std::string own_slot;
  bool nofailover;
  bool leader_like;
};

bool feeds(const Context& context, const Member& member) {
  const auto from = member.tags.replicatefrom();
  if (context.leader_like) return !from || *from == context.me || context.in.cluster.find(*from) == nullptr;
  return from && *from == context.me && !context.in.cluster.is_led_by(member.name);
}

model::Lsn published(const model::Cluster& cluster, const std::string& slot) {
  const auto found = cluster.status.slots.find(slot);
  return found == cluster.status.slots.end() ? model::Lsn{} : found->second;
}

void add_member_slots(const Context& context, WantedSlots& result) {
  const auto& cluster = context.in.cluster;
  const bool retains = context.in.settings.dynamic.member_slots_ttl.count() > 0;
  std::map<std::string, MemberName> owner;
  for (const auto& [name, member] : cluster.members) {
    if (name == context.me || member.tags.nostream()) continue;
    const bool is_fed = feeds(context, member);
    const auto from = member.tags.replicatefrom();
    const bool is_kept = retains ? !context.nofailover || (from && *from == context.me) : is_fed;
    if (!is_kept) continue;
    const std::string slot = model::slot_name_of(name);
    if (const auto other = owner.find(slot); other != owner.end()) {
      result.complaints.push_back(fmt::format("Following cluster members share a replication slot name: {}, {} mapped to {}", other->second, name, slot));
    }
    owner.emplace(slot, name);
    model::Lsn lsn = published(cluster, slot);
    if (from || !publishes_positions(cluster.leader_member())) lsn = std::max(lsn, member.lsn);
    auto& wanted = result.slots[slot];
    wanted.lsn = std::max(wanted.lsn, lsn);
    wanted.expected_active = wanted.expected_active || is_fed;
  }
  if (context.nofailover || !retains) return;
  for (const auto& slot : cluster.status.retain_slots) {
    if (slot != context.own_slot) result.slots.try_emplace(slot);
  }
}

// ---- permanent slots -------------------------------------------------------------------------------------------------

bool is_slot_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

struct Definition {
  WantedSlot slot;
  std::string cluster_type;
};
std::optional<Definition> read_definition(const boost::json::value& value) {
  const bool is_empty = value.is_null() || (value.is_int64() && value.get_int64() == 0) || (value.is_string() && value.get_string().empty()) ||
                        (value.is_object() && value.get_object().empty());
  if (is_empty) return Definition{};
  if (!value.is_object()) return std::nullopt;
  const auto& object = value.get_object();
  Definition definition{.slot = {.database = model::text_at(object, "database"), .plugin = model::text_at(object, "plugin")}, .cluster_type = model::text_at(object, "cluster_type")};
  const std::string type = model::text_at(object, "type");
  const bool has_both = !definition.slot.database.empty() && !definition.slot.plugin.empty();
  if (!type.empty() && type != "physical" && type != "logical") return std::nullopt;
  definition.slot.logical = type.empty() ? has_both : type == "logical";
  if (definition.slot.logical && !has_both) return std::nullopt;
  if (!definition.slot.logical) definition.slot.database.clear(), definition.slot.plugin.clear();
  return definition;
}

// Where a member cascades through this slot, its own position counts as well.
model::Lsn permanent_lsn(const model::Cluster& cluster, const std::string& name, const WantedSlot& slot) {
  model::Lsn lsn = published(cluster, name);
  if (slot.logical) return lsn;
  for (const auto& [member_name, member] : cluster.members) {
    if (member.tags.replicatefrom() && model::slot_name_of(member_name) == name) lsn = std::max(lsn, member.lsn);
  }
  return lsn;
}

void add_permanent_slots(const Context& context, WantedSlots& result) {
  const auto& settings = context.in.settings;
  const bool is_standby_cluster = settings.dynamic.standby_cluster.has_value();
  const bool only_physical = is_standby_cluster || !slot_towards_primary(context.in.cluster, settings);
  for (const auto& entry : settings.dynamic.slots) {
    const std::string name(entry.key());
    auto definition = read_definition(entry.value());
    if (!is_slot_name(name) || !definition) {
      result.complaints.push_back(fmt::format("Bad value for slot '{}' in permanent_slots: {}", name, boost::json::serialize(entry.value())));
      continue;
    }
    WantedSlot slot = definition->slot;
    const std::string_view here = is_standby_cluster ? "standby" : "primary";
    if (!definition->cluster_type.empty() && definition->cluster_type != here) continue;
    if (slot.logical && only_physical) continue;
    slot.lsn = permanent_lsn(context.in.cluster, name, slot);
    if (slot.logical) {
      if (!result.slots.emplace(name, slot).second) {
        result.complaints.push_back(fmt::format("Permanent logical replication slot {} is conflicting with physical replication slot for cluster member", name));
      }
      continue;
    }
    const bool cascades = std::any_of(context.in.cluster.members.begin(), context.in.cluster.members.end(), [&](const auto& member) {
      return member.second.tags.replicatefrom() && model::slot_name_of(member.first) == name;
    });
    slot.expected_active = context.leader_like && !cascades;
    if (name != context.own_slot) result.slots.emplace(name, slot);
  }
}

// ---- what exists -----------------------------------------------------------------------------------------------------

bool matches(const boost::json::value& matcher, const SlotRow& slot) {
  if (!matcher.is_object()) return false;
  const auto& object = matcher.get_object();
  const auto fits = [&](std::string_view key, std::string_view value) {
    const std::string wanted = model::text_at(object, key);
    return wanted.empty() || wanted == value;
  };
  return fits("name", slot.name) && fits("database", slot.database) && fits("plugin", slot.plugin) && fits("type", slot.logical ? "logical" : "physical");
}

bool is_ignored(const model::Settings& settings, const SlotRow& slot) {
  const auto& matchers = settings.dynamic.ignore_slots;
  return std::any_of(matchers.begin(), matchers.end(), [&](const boost::json::value& matcher) { return matches(matcher, slot); });
}

bool is_same_kind(const SlotRow& slot, const WantedSlot& wanted) {
  return slot.logical == wanted.logical && (!slot.logical || (slot.database == wanted.database && slot.plugin == wanted.plugin));
}

bool must_be_dropped(const SlotInputs& in, const SlotRow& slot, const WantedSlot* wanted) {
  if (in.version >= 170000 && slot.logical && slot.failover) {
    // The server synchronises these. One that it did not make itself is of our time as a primary and stands in its way.
    return !in.is_primary && in.cluster.leader && !in.cluster.is_led_by(in.settings.name) && !slot.synced;
  }
  if (is_ignored(in.settings, slot)) return false;
  if (wanted != nullptr && !is_same_kind(slot, *wanted)) return true;
  if (in.settings.dynamic.pause) return false;
  if (wanted != nullptr) return slot.wal_status == "lost";
  return in.settings.dynamic.use_slots;  // without slots we made none, so none is ours to drop
}

void plan_physical(const SlotInputs& in, const std::string& name, const WantedSlot& wanted, const SlotRow* slot, SlotPlan& plan) {
  if (slot == nullptr) {
    plan.create_physical.push_back(name);
    return;
  }
  const bool other_leads = in.cluster.leader && !in.cluster.is_led_by(in.settings.name);
  const bool may_clean = in.cluster.leader && (other_leads || in.is_primary);
  if (wanted.expected_active) return;
  if (slot->has_xmin) {
    // Nobody reads from it, and it would hold back vacuum for ever.
    if (!may_clean || slot->active) return;
    plan.drop.push_back(name);
    plan.create_physical.push_back(name);
  } else if (!slot->restart_lsn.known()) {
    if (!slot->active) plan.drop.push_back(name);
  } else if (!slot->active && wanted.lsn > slot->restart_lsn) {
    plan.advance_physical.emplace_back(name, wanted.lsn);
  }
}

void plan_logical(const SlotInputs& in, const std::string& name, const WantedSlot& wanted, const SlotRow* slot, model::Lsn replayed, SlotPlan& plan) {
  if (in.is_primary) {
    if (slot == nullptr) plan.create_logical.push_back(name);
  } else if (slot == nullptr) {
    if (wanted.lsn.known()) plan.copy_logical.push_back(name);
  } else if (wanted.lsn.known()) {
    const model::Lsn target = std::min(wanted.lsn, replayed);
    if (slot->confirmed_flush_lsn < target) plan.advance_logical.emplace_back(name, target);
  }
}

Context make_context(const SlotInputs& inputs) {
  return {.in = inputs, .me = inputs.settings.name, .own_slot = model::slot_name_of(inputs.settings.name), .nofailover = inputs.settings.tags.nofailover(),
          .leader_like = is_leader_like(inputs.role)};
}

bool has_logical(const WantedSlots& wanted) {
  return std::any_of(wanted.slots.begin(), wanted.slots.end(), [](const auto& slot) { return slot.second.logical; });
}

// Members that stream from `from`, directly or through others; a loop ends the walk.
bool has_cascading_members(const model::Cluster& cluster, const MemberName& from) {
  return std::any_of(cluster.members.begin(), cluster.members.end(), [&](const auto& member) {
    const auto upstream = member.second.tags.replicatefrom();
    return upstream && *upstream == from && !cluster.is_led_by(member.first) && !member.second.tags.nofailover() && !member.second.tags.nostream();
  });
}

}  // namespace

WantedSlots wanted_slots(const SlotInputs& inputs) {
  WantedSlots result;
  if (!inputs.settings.dynamic.use_slots) return result;
  const Context context = make_context(inputs);
  add_member_slots(context, result);
  if (!context.nofailover) add_permanent_slots(context, result);
  return result;
}

SlotPlan plan_slots(const SlotInputs& inputs, const Wanted& wanted, const std::vector<SlotRow>& existing, model::Lsn replayed) {
  SlotPlan plan;
  std::map<std::string, const SlotRow*> kept;
  for (const auto& slot : existing) {
    const auto found = wanted.find(slot.name);
    if (must_be_dropped(inputs, slot, found == wanted.end() ? nullptr : &found->second)) {
      plan.drop.push_back(slot.name);
      if (slot.active) kept.emplace(slot.name, &slot);  // it cannot go now, so that its name is not free
    } else {
      kept.emplace(slot.name, &slot);
    }
  }
  for (const auto& [name, slot] : wanted) {
    const auto found = kept.find(name);
    const SlotRow* present = found == kept.end() ? nullptr : found->second;
    if (present != nullptr && !is_same_kind(*present, slot)) continue;
    if (slot.logical) plan_logical(inputs, name, slot, present, replayed, plan);
    else plan_physical(inputs, name, slot, present, plan);
  }
  return plan;
}

bool needs_hot_standby_feedback(const SlotInputs& inputs) {
  if (inputs.settings.dynamic.standby_cluster) return false;
  SlotInputs as_replica{.cluster = inputs.cluster, .settings = inputs.settings, .role = model::PostgresRole::kReplica, .version = inputs.version};
  if (has_logical(wanted_slots(as_replica))) return true;
  const auto& dynamic = inputs.settings.dynamic;
  const bool has_permanent_logical = std::any_of(dynamic.slots.begin(), dynamic.slots.end(), [](const auto& entry) {
    const auto definition = read_definition(entry.value());
    return definition && definition->slot.logical;
  });
  return dynamic.use_slots && has_permanent_logical && slot_towards_primary(inputs.cluster, inputs.settings) &&
         has_cascading_members(inputs.cluster, inputs.settings.name);
}

std::optional<std::string> slot_towards_primary(const model::Cluster& cluster, const model::Settings& settings) {
  MemberName at = settings.name;
  bool is_nostream = settings.tags.nostream();
  auto from = settings.tags.replicatefrom();
  std::set<MemberName> seen;
  while (!is_nostream && seen.insert(at).second) {
    const Member* upstream = from && *from != at ? cluster.find(*from) : nullptr;
    if (upstream == nullptr || upstream->name == settings.name) {
      if (upstream != nullptr) return std::nullopt;  // a loop
      return model::slot_name_of(at);
    }
    at = upstream->name;
    is_nostream = upstream->tags.nostream();
    from = upstream->tags.replicatefrom();
  }
  return std::nullopt;
}

}  // namespace matriarch::postgres
