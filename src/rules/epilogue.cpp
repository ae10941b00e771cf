// What every look ends with: telling the others.
#include <algorithm>

#include "rules/facts.hpp"
#include "rules/member_document.hpp"
#include "rules/rewind.hpp"
#include "rules/tables.hpp"
#include "rules/wishes.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Memory;
using model::StatusKey;
using model::TaskKind;
using model::WriteKind;

bool store_answers(const Situation& s) { return s.seen.store.reachable; }
bool server_is_ours(const Situation& s) {
  return s.seen.postgres.is_running && !s.seen.postgres.is_starting() && (!s.seen.task || runs_task(s, TaskKind::kPromote));
}

// ---- an adopted server ---------------------------------------------------------------------------------------------

bool adopted(const Situation& s) { return !s.memory.role_event_seen && server_is_ours(s) && !s.memory.bootstrapping; }
Plan welcome(const Situation& s) {
  return {.actions = {model::RunCallback{"on_start"}}, .memory = remembering(s, [&](Memory& memory) {
            memory.role_event_seen = true;
            if (is_standby(s)) want_comparison(s, memory);
          })};
}

// ---- the member key ------------------------------------------------------------------------------------------------

// A write that is refused at once, as with a session that has just expired, is not repeated at once.
constexpr model::Milliseconds kPublishAgainAfter{50};
bool published_just_now(const Situation& s) { return s.seen.now < s.memory.rhythm.member_written_at + kPublishAgainAfter; }

bool member_key_differs(const Situation& s) {
  if (!store_answers(s) || under_way(s, WriteKind::kMember) || !s.seen.lease.session.valid()) return false;
  const model::Member* published = cluster(s).find(me(s));
  if (!published || (published->session != 0 && published->session != s.seen.lease.session.value)) return true;
  const auto document = member_document(s);
  if (s.seen.now >= s.memory.rhythm.member_written_at + loop_wait(s)) return document != published->data;
  return !same_apart_from_positions(document, published->data);
}
bool member_key_is_outdated(const Situation& s) { return !published_just_now(s) && member_key_differs(s); }
bool member_key_must_wait(const Situation& s) { return published_just_now(s) && member_key_differs(s); }
Plan publish_soon(const Situation& s) { return {.wake_at = s.memory.rhythm.member_written_at + kPublishAgainAfter}; }
Plan publish_member(const Situation& s) {
  return {.actions = {model::PublishMember{member_document(s)}},
          .memory = remembering(s, [&](Memory& memory) { memory.rhythm.member_written_at = s.seen.now; })};
}

// ---- /status -------------------------------------------------------------------------------------------------------

bool leads(const Situation& s) {
  const auto& node = s.seen.postgres;
  const bool serves = node.is_primary || node.role == model::PostgresRole::kStandbyLeader;
  return store_answers(s) && holds_lease(s) && has_lock(s) && node.is_running && serves && !node.query_failed && node.lsn.known();
}

bool is_physical_permanent_slot(const Situation& s, const std::string& slot) {
  const auto* properties = s.seen.dynamic().slots.if_contains(slot);
  if (!properties || !properties->is_object()) return false;
  const auto* type = properties->as_object().if_contains("type");
  return type && type->is_string() && type->as_string() == "physical";
}

// The slots of members that were seen within member_slots_ttl, with the time each was last seen.
std::map<std::string, Instant> retained_slots(const Situation& s) {
  std::map<std::string, Instant> retained = s.memory.retained_slots;
  const auto lifetime = s.seen.dynamic().member_slots_ttl;
  if (lifetime.count() <= 0) return {};
  for (const std::string& slot : cluster(s).status.retain_slots) retained.emplace(slot, s.seen.now);
  for (const auto& [name, member] : cluster(s).members) {
    const std::string slot = model::slot_name_of(name);
    if (!member.tags.nostream() && !is_physical_permanent_slot(s, slot)) retained.insert_or_assign(slot, s.seen.now);
  }
  std::erase_if(retained, [&](const auto& entry) { return entry.second + lifetime < s.seen.now; });
  return retained;
}

StatusKey status_now(const Situation& s) {
  const auto& node = s.seen.postgres;
  StatusKey status{.optime = node.lsn};
  const bool all_slots = s.seen.dynamic().member_slots_ttl.count() > 0;
  for (const auto& slot : node.slots) {
    if (all_slots || s.seen.dynamic().slots.contains(slot.name)) status.slots[slot.name] = slot.logical ? slot.confirmed_flush_lsn : slot.restart_lsn;
  }
  status.slots[model::slot_name_of(me(s))] = node.lsn;
  for (const auto& [slot, seen_at] : retained_slots(s)) {
    if (status.slots.contains(slot)) status.retain_slots.push_back(slot);
  }
  return status;
}

// The same apart from positions.
bool same_slots(const StatusKey& a, const StatusKey& b) {
  const auto same_name = [](const auto& x, const auto& y) { return x.first == y.first; };
  return a.retain_slots == b.retain_slots && std::equal(a.slots.begin(), a.slots.end(), b.slots.begin(), b.slots.end(), same_name);
}

bool status_is_outdated(const Situation& s) {
  if (!leads(s) || under_way(s, WriteKind::kStatus)) return false;
  const StatusKey now = status_now(s);
  if (now == cluster(s).status) return false;
  return !same_slots(now, cluster(s).status) || s.seen.now >= s.memory.rhythm.status_written_at + loop_wait(s);
}
Plan write_status(const Situation& s) {
  return {.actions = {model::WriteStatus{status_now(s)}}, .memory = remembering(s, [&](Memory& memory) {
            memory.rhythm.status_written_at = s.seen.now;
            memory.retained_slots = retained_slots(s);
          })};
}

// ---- slots ---------------------------------------------------------------------------------------------------------

std::string slots_depend_on(const Situation& s) {
  std::string text = leader_name(s) + (s.seen.postgres.is_primary ? ":primary" : ":");
  for (const auto& [name, member] : cluster(s).members) {
    text += ',' + name.text + '>';
    if (const auto from = member.tags.replicatefrom()) text += from->text;
    if (member.tags.nostream()) text += '!';
  }
  return text;
}
bool slots_are_due(const Situation& s) {
  if (!server_is_ours(s) || s.seen.postgres.query_failed || s.memory.bootstrapping) return false;
  return s.seen.now >= s.memory.rhythm.slots_synced_at + loop_wait(s) || s.memory.rhythm.slots_synced_for != slots_depend_on(s);
}
Plan sync_slots(const Situation& s) {
  return {.actions = {model::SyncSlots{}}, .memory = remembering(s, [&](Memory& memory) {
            memory.rhythm.slots_synced_at = s.seen.now;
            memory.rhythm.slots_synced_for = slots_depend_on(s);
          })};
}

// ---- protection ----------------------------------------------------------------------------------------------------

bool is_unprotected(const Situation& s) {
  return leads(s) && sync_requested(s) && s.seen.postgres.is_primary && cluster(s).sync.voters.empty();
}
bool became_unprotected(const Situation& s) { return is_unprotected(s) && s.memory.unprotected_since == Instant{}; }
Plan note_unprotected(const Situation& s) {
  return {.actions = {model::RecordEvent{"unprotected", {{"reason", "no synchronous standby: a commit is on this node alone"}}}},
          .memory = remembering(s, [&](Memory& memory) { memory.unprotected_since = s.seen.now; })};
}
bool became_protected(const Situation& s) { return !is_unprotected(s) && s.memory.unprotected_since != Instant{}; }
Plan note_protected(const Situation& s) {
  return {.actions = {model::RecordEvent{"protected", {}}}, .memory = remembering(s, [](Memory& memory) { memory.unprotected_since = Instant{}; })};
}

}  // namespace

Table epilogue_table() {
  std::vector<Rule> duties = wish_duties();
  for (const Rule& rule : std::vector<Rule>{
           {"adopted", adopted, welcome, "PostgreSQL was running already when the agent started: it is taken over as it is."},
           {"sync-slots", slots_are_due, sync_slots, "Replication slots are compared with the members, once a loop_wait or when these change."},
           {"publish-member", member_key_is_outdated, publish_member, "Our member key is out of date: write it; positions alone once a loop_wait."},
           {"publish-member-soon", member_key_must_wait, publish_soon, "Our member key was written just now and is out of date again: in a moment."},
           {"write-status", status_is_outdated, write_status, "The leader publishes its position and slots; positions alone once a loop_wait."},
           {"unprotected", became_unprotected, note_unprotected, "Synchronous replication is asked for and no standby confirms: say so."},
           {"protected-again", became_protected, note_protected, "A standby confirms commits again."},
       }) {
    duties.push_back(rule);
  }
  return {.name = "epilogue", .about = "Every look ends by telling the others what changed.", .duties = std::move(duties)};
}

}  // namespace matriarch::rules
