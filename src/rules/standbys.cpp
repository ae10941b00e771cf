#include "rules/standbys.hpp"

#include <algorithm>
#include <tuple>

#include "model/letter_case.hpp"
#include "rules/facts.hpp"
#include "rules/sync_names.hpp"

namespace matriarch::rules {

using model::Instant;
using model::Lsn;
using model::Member;
using model::MemberName;
using model::Memory;
using model::Milliseconds;
using model::SyncState;
using model::WalSender;

namespace {

// A reload reaches every WAL sender within this time; positions read earlier prove nothing.
constexpr Milliseconds kReloadReachesAll{100};
// How often positions are read while a standby catches up.
constexpr Milliseconds kLookAgainAfter{50};

Lsn confirming_position(const Situation& s, const WalSender& sender) {
  const std::string& mode = s.seen.postgres.synchronous_commit;
  if (mode == "remote_apply") return sender.replay;
  if (mode == "remote_write") return sender.write;
  return sender.flush;
}

const WalSender* sender_of(const Situation& s, const MemberName& name) {
  const auto& senders = s.seen.postgres.wal_senders;
  const auto found = std::find_if(senders.rbegin(), senders.rend(), [&](const WalSender& sender) {
    return model::equal_without_case(sender.application_name.text, name.text);
  });
  return found == senders.rend() ? nullptr : &*found;
}

// It is to stream from another member that streams from here: it will soon be gone.
bool will_cascade(const Situation& s, const Member& member) {
  std::set<MemberName> passed;
  auto next = member.tags.replicatefrom();
  while (next && passed.insert(*next).second) {
    const Member* upstream = cluster(s).find(*next);
    if (!upstream || !upstream->is_running() || upstream->name == me(s)) return false;
    next = upstream->tags.replicatefrom();
    if (!next) return sender_of(s, upstream->name) != nullptr;
  }
  return false;
}

// A name with a comma cannot be written to /sync so that others read it.
bool may_be_synchronous(const Situation& s, const Member& member) {
  const bool is_writable = member.name.text.find(',') == std::string::npos && member.name.text != kNobody;
  return member.name != me(s) && member.is_running() && !member.tags.nosync() && is_writable && !will_cascade(s, member);
}

int rank_of(SyncState state) {
  switch (state) {
    case SyncState::kSync: return 3;
    case SyncState::kQuorum: return 2;
    case SyncState::kPotential: return 1;
    case SyncState::kAsync: return 0;
  }
  return 0;
}

bool comes_first(const Standby& a, const Standby& b) {
  return std::tuple(-a.priority, -rank_of(a.state), ~a.position.value, a.name) < std::tuple(-b.priority, -rank_of(b.state), ~b.position.value, b.name);
}

Lsn furthest(const Situation& s, const std::vector<Standby>& standbys) {
  if (standbys.size() <= 1) return s.seen.postgres.lsn;
  return std::max_element(standbys.begin(), standbys.end(), [](const auto& a, const auto& b) { return a.position < b.position; })->position;
}

std::vector<Standby> without_laggards(const Situation& s, std::vector<Standby> standbys) {
  const std::int64_t allowed = s.seen.dynamic().maximum_lag_on_syncnode;
  if (allowed <= 0) return standbys;
  const Lsn front = furthest(s, standbys);
  std::erase_if(standbys, [&](const Standby& standby) { return model::bytes_behind(standby.position, front) > static_cast<std::uint64_t>(allowed); });
  return standbys;
}

}  // namespace

std::vector<Standby> sync_candidates(const Situation& s) {
  std::vector<Standby> standbys;
  for (const auto& [name, member] : cluster(s).members) {
    const WalSender* sender = sender_of(s, name);
    if (!sender || !may_be_synchronous(s, member) || !confirming_position(s, *sender).known()) continue;
    standbys.push_back({.name = name, .state = sender->sync_state, .position = confirming_position(s, *sender),
                        .priority = member.tags.sync_priority(), .nofailover = member.tags.nofailover()});
  }
  std::sort(standbys.begin(), standbys.end(), comes_first);
  std::stable_partition(standbys.begin(), standbys.end(), [](const Standby& standby) { return !standby.nofailover; });
  return standbys;
}

Names live_standbys(const Situation& s) {
  Names names;
  for (const Standby& standby : without_laggards(s, sync_candidates(s))) names.insert(standby.name);
  return names;
}

Names picked_standbys(const Situation& s) {
  const auto wanted = static_cast<std::size_t>(sync_wanted(s));
  Names picked;
  for (const Standby& standby : without_laggards(s, sync_candidates(s))) {
    const bool is_one_too_many = picked.size() >= wanted && (!quorum_requested(s) || standby.nofailover);
    if (!is_one_too_many) picked.insert(standby.name);
  }
  return picked;
}

Names caught_up_standbys(const Situation& s) {
  Names names;
  for (const MemberName& name : waited_for_now(s)) {
    if (s.memory.sync.ready.contains(name)) names.insert(name);
  }
  return names;
}

Names as_members_write(const Situation& s, const Names& names) {
  Names result;
  for (const MemberName& name : names) {
    const auto member = std::find_if(cluster(s).members.begin(), cluster(s).members.end(),
                                     [&](const auto& entry) { return model::equal_without_case(entry.first.text, name.text); });
    result.insert(member == cluster(s).members.end() ? name : member->first);
  }
  return result;
}
Names waited_for_now(const Situation& s) { return as_members_write(s, members_of(s.seen.postgres.sync_names)); }
Names voters_now(const Situation& s) { return as_members_write(s, cluster(s).sync.voters); }

// ---- rows ----------------------------------------------------------------------------------------------------------

namespace {

bool serves(const Situation& s) { return holds_lease(s) && s.seen.postgres.is_running && s.seen.postgres.is_primary && sync_requested(s); }

bool names_changed(const Situation& s) { return serves(s) && s.seen.postgres.sync_names.text != s.memory.sync.text; }
Plan note_names(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            memory.sync.text = s.seen.postgres.sync_names.text;
            memory.sync.changed_at = s.seen.now;
            memory.sync.flush_at_change = Lsn{};
            memory.sync.ready.clear();
            if (memory.sync.asked == memory.sync.text) memory.sync.asked_at = Instant{};
          })};
}

bool flush_is_unmeasured(const Situation& s) {
  return serves(s) && !s.memory.sync.flush_at_change.known() && !waited_for_now(s).empty();
}
Instant change_reached_all(const Situation& s) { return s.memory.sync.changed_at + kReloadReachesAll; }
bool flush_can_be_measured(const Situation& s) {
  return flush_is_unmeasured(s) && !s.seen.postgres.sync_names_pending && s.seen.postgres.observed_at >= change_reached_all(s) &&
         s.seen.postgres.lsn.known();
}
Plan measure_flush(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) { memory.sync.flush_at_change = s.seen.postgres.lsn; })};
}
bool flush_must_wait(const Situation& s) { return flush_is_unmeasured(s) && !flush_can_be_measured(s); }
Plan await_reload(const Situation& s) {
  if (s.seen.now < change_reached_all(s)) return {.wake_at = change_reached_all(s)};
  return {.needs = {.fresh_positions = true}, .wake_at = s.seen.now + kLookAgainAfter};
}

// In a list every name is waited for, which PostgreSQL shows as "sync"; with ANY as "quorum".
bool is_waited_for(const Situation& s, const Standby& standby) {
  const auto kind = s.seen.postgres.sync_names.kind;
  return kind == model::SyncNames::Kind::kQuorum ? standby.state == SyncState::kQuorum : standby.state == SyncState::kSync;
}
Names newly_caught_up(const Situation& s) {
  Names names;
  if (!s.memory.sync.flush_at_change.known()) return names;
  const Names waited_for = waited_for_now(s);
  for (const Standby& standby : sync_candidates(s)) {
    const bool has_everything = standby.position >= s.memory.sync.flush_at_change && is_waited_for(s, standby);
    if (has_everything && waited_for.contains(standby.name) && !s.memory.sync.ready.contains(standby.name)) names.insert(standby.name);
  }
  return names;
}
bool somebody_caught_up(const Situation& s) { return serves(s) && !newly_caught_up(s).empty(); }
Plan note_caught_up(const Situation& s) {
  return {.memory = remembering(s, [&](Memory& memory) {
            for (const MemberName& name : newly_caught_up(s)) memory.sync.ready.insert(name);
          })};
}

}  // namespace

std::vector<Rule> standby_duties() {
  return {
      {"sync-names-in-effect", names_changed, note_names, "synchronous_standby_names changed: who has everything must be proven anew (S6)."},
      {"sync-flush-measured", flush_can_be_measured, measure_flush, "Every WAL sender knows the new names: everything confirmed before lies below this flush position."},
      {"sync-flush-awaited", flush_must_wait, await_reload, "Wait until every WAL sender knows the new names."},
      {"standby-caught-up", somebody_caught_up, note_caught_up, "A standby that is waited for has reached that position: it lacks nothing."},
  };
}

}  // namespace matriarch::rules
