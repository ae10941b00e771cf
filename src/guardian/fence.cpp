#include "guardian/fence.hpp"

namespace matriarch::guardian {
namespace {

// The time since boot is never near the ends of 64 bits, but what is read from the page may be.
Instant before(Instant end, Duration margin) {
  return end.time_since_epoch() > margin ? end - margin : Instant{};
}

// Of a lease and a posture that could be read.
Instant end_of_lease(const FenceInput& input) {
  const Duration ceiling = std::min(Duration(input.posture.value.max_ttl), input.max_ttl);
  return lease_end(input.lease.value, ceiling, input.now, input.wall_offset);
}

FenceStep begin(FenceState state, FencePhase phase, FenceReason reason, const Judgement& judgement, Instant now) {
  state.phase = phase;
  state.reason = reason;
  state.began = now;
  state.ended = Instant{};
  state.due = judgement.ground == Ground::kHeld ? judgement.ends : Instant{};
  state.fenced_term = judgement.term;
  if (phase == FencePhase::kKilling) {
    return {.state = state, .orders = {.kill_postgres = true, .look_at = now + kSweepSoon}};
  }
  return {.state = state, .orders = {.quit_postmaster = true, .look_at = state.kill_at}};
}

FenceStep begin_killing(FenceState state, FenceReason reason, const Judgement& judgement, Instant now) {
  return begin(state, FencePhase::kKilling, reason, judgement, now);
}

FenceStep begin_quitting(FenceState state, FenceReason reason, const Judgement& judgement, Instant now, Instant kill_at) {
  state.kill_at = kill_at;
  return begin(state, FencePhase::kQuitting, reason, judgement, now);
}

FenceStep nothing_to_do(FenceState state, std::optional<Instant> look_at) {
  return {.state = state, .orders = {.look_at = look_at}};
}

FenceReason reason_of(Ground ground) {
  switch (ground) {
    case Ground::kNotNeeded:
      return FenceReason::kNone;
    case Ground::kHeld:
      return FenceReason::kLeaseEnded;
    case Ground::kNone:
      return FenceReason::kNoLease;
    case Ground::kUnreadable:
      return FenceReason::kPageGarbage;
  }
  return FenceReason::kNone;
}

// The instant from which on no process of PostgreSQL may be left alone; nothing when there is no such instant.
std::optional<Instant> last_moment(const Judgement& judgement) {
  if (judgement.ground == Ground::kNotNeeded) return std::nullopt;
  return before(judgement.ends, kKillMargin);
}

FenceStep do_as_asked(FenceState state, const FenceInput& input, const Judgement& judgement) {
  const FenceReason reason = *input.asked;
  if (reason == FenceReason::kAsked) return begin_killing(state, reason, judgement, input.now);
  const Instant patient = input.now + kQuitPatience;
  return begin_quitting(state, reason, judgement, input.now, std::min(patient, last_moment(judgement).value_or(patient)));
}

FenceStep end_orphans(FenceState state, const FenceInput& input, const Judgement& judgement) {
  Instant patience = input.now;
  if (input.postgres.postmaster_exited) {
    const Instant grace = input.postgres.postmaster_ended + kLoggerGrace;
    patience = std::min(grace, last_moment(judgement).value_or(grace));
  }
  if (input.now < patience) return nothing_to_do(state, patience);
  return begin_killing(state, FenceReason::kPostmasterDied, judgement, input.now);
}

// The instant at which the fence begins; nothing when there is no lease to keep.
std::optional<Instant> quit_time(const Judgement& judgement, const FenceInput& input) {
  if (judgement.ground != Ground::kHeld) return std::nullopt;
  return before(judgement.ends, effective_budget(input.budget, input.lease.value));
}

// What arm() waits for: promotion follows it, so it is given before PostgreSQL may write. In pause it says no more than
// that the guardian read the page.
std::uint64_t term_to_acknowledge(const FenceInput& input) {
  if (input.posture.status != ReadStatus::kGood || input.lease.status != ReadStatus::kGood) return 0;
  const Lease& lease = input.lease.value;
  const bool asked = lease.armed_term != 0 && lease.armed_term == lease.term;
  if (!asked || input.posture.value.paused != 0) return asked ? lease.term : 0;
  return input.now < before(end_of_lease(input), effective_budget(input.budget, lease)) ? lease.term : 0;
}

FenceStep watch(FenceState state, const FenceInput& input) {
  const Judgement judgement = judge(input);
  const auto quit_at = quit_time(judgement, input);
  const bool holds = quit_at && input.now < *quit_at;
  state.armed_term = term_to_acknowledge(input);

  if (input.postgres.all_gone()) return nothing_to_do(state, std::nullopt);
  if (input.asked) return do_as_asked(state, input, judgement);
  if (!input.postgres.postmaster_alive) return end_orphans(state, input, judgement);
  if (judgement.ground == Ground::kNotNeeded) return nothing_to_do(state, std::nullopt);
  if (holds) return nothing_to_do(state, quit_at);
  if (input.postgres.foreign) return nothing_to_do(state, std::nullopt);
  const Instant kill_at = before(judgement.ends, kKillMargin);
  if (input.now >= kill_at) return begin_killing(state, reason_of(judgement.ground), judgement, input.now);
  return begin_quitting(state, FenceReason::kLeaseEnded, judgement, input.now, kill_at);
}

FenceStep go_on_killing(FenceState state, const FenceInput& input) {
  const bool held_by_the_kernel = input.postgres.pending_kills > 0 && input.now - state.began > 10 * kSweepSeldom;
  return {.state = state,
          .orders = {.kill_postgres = true, .look_at = input.now + (held_by_the_kernel ? kSweepSeldom : kSweepSoon)}};
}

FenceStep finish(FenceState state, Instant now) {
  state.phase = FencePhase::kWatching;
  state.ended = now;
  ++state.fences;
  return nothing_to_do(state, now);  // what to do without PostgreSQL is the next look's question
}

}  // namespace

Duration effective_budget(Duration wanted, const Lease& lease) {
  std::int64_t length = 0;
  if (__builtin_sub_overflow(lease.valid_until, lease.written_at, &length)) return kLeastFenceBudget;
  return std::max(std::min(wanted, Duration(length / 4)), kLeastFenceBudget);
}

Judgement judge(const FenceInput& input) {
  if (input.posture.status != ReadStatus::kGood) {
    if (input.postgres.known_standby) return {.ground = Ground::kNotNeeded};
    const bool garbage = input.posture.status == ReadStatus::kGarbage;
    return {.ground = garbage ? Ground::kUnreadable : Ground::kNone};
  }
  const Posture& posture = input.posture.value;
  if (!posture.needs_lease()) return {.ground = Ground::kNotNeeded};
  if (input.lease.status == ReadStatus::kGarbage) return {.ground = Ground::kUnreadable};
  if (input.lease.status == ReadStatus::kAbsent) return {.ground = Ground::kNone};
  return {.ground = Ground::kHeld,
          .ends = end_of_lease(input),
          .term = input.lease.value.term};
}

FenceStep step_fence(FenceState state, const FenceInput& input) {
  if (state.phase == FencePhase::kWatching) return watch(state, input);

  state.armed_term = 0;
  if (input.postgres.all_gone()) return finish(state, input.now);
  if (state.phase == FencePhase::kKilling) return go_on_killing(state, input);

  // A lease that was given up meanwhile brings the end nearer; one that was renewed does not put it off.
  state.kill_at = std::min(state.kill_at, last_moment(judge(input)).value_or(state.kill_at));
  if (input.asked == FenceReason::kAsked || input.now >= state.kill_at || !input.postgres.postmaster_alive) {
    state.phase = FencePhase::kKilling;
    return go_on_killing(state, input);
  }
  return nothing_to_do(state, state.kill_at);
}

bool may_start_postmaster(const FenceState& state, const FenceInput& input) {
  if (state.phase != FencePhase::kWatching || !input.postgres.all_gone() || input.asked) return false;
  if (input.posture.status != ReadStatus::kGood) return false;
  const Judgement judgement = judge(input);
  const auto quit_at = quit_time(judgement, input);
  return judgement.ground == Ground::kNotNeeded || (quit_at && input.now < *quit_at);
}

}  // namespace matriarch::guardian
