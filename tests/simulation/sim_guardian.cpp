#include "simulation/sim_guardian.hpp"

namespace matriarch::simulation {

namespace asio = boost::asio;

namespace {
guardian::Instant to_guardian(model::Instant instant) { return guardian::Instant(instant.time_since_epoch()); }
model::Instant to_model(guardian::Instant instant) { return model::Instant(instant.time_since_epoch()); }

template <typename T>
void write(guardian::CellRead<T>& cell, const T& value) {
  cell.status = guardian::ReadStatus::kGood;
  ++cell.sequence;
  cell.value = value;
}
}  // namespace

GuardianProcess::GuardianProcess(SimClock& clock, SimInstance& instance, PageContent& page, GuardianBugs bugs, Hooks hooks)
    : clock_(clock), instance_(instance), page_(page), bugs_(bugs), hooks_(std::move(hooks)) {}

guardian::Input GuardianProcess::input() {
  const auto now = to_guardian(clock_.now());
  if (postmaster_was_alive_ && !instance_.is_running()) postmaster_ended_ = now;
  postmaster_was_alive_ = instance_.is_running();
  guardian::Input input;
  input.fence = {.now = now, .budget = guardian::measured_budget(std::chrono::milliseconds(5)), .max_ttl = std::chrono::hours(1), .lease = page_.lease, .posture = page_.posture};
  input.fence.postgres = {.postmaster_alive = instance_.is_running(),
                          .postmaster_ended = postmaster_ended_,
                          .others = instance_.has_backends() && !instance_.is_running() ? 3u : 0u};
  input.agent = {.wanted = true, .running = hooks_.agent_is_running(), .ended = agent_just_ended_, .exit_code = agent_exit_code_};
  input.store = {.wanted = false};
  input.agent_said_goodbye = goodbye_;
  return input;
}

void GuardianProcess::look() {
  if (ended_) return;
  if (frozen_) {
    missed_ = true;
    return;
  }
  const auto step = guardian::step(state_, input());
  state_ = step.state;
  const std::uint64_t armed = state_.fence.armed_term;
  if (armed != 0 && std::exchange(page_.armed_term, armed) != armed) page_.armed_at = clock_.world().now();
  agent_just_ended_ = false;
  goodbye_.reset();
  obey(step.orders);
  if (next_look_) clock_.world().cancel(*next_look_);
  next_look_.reset();
  if (ended_ || !step.orders.look_at) return;
  // A wake-up is late by a little, as on a busy machine.
  const auto when = clock_.true_time_of(to_model(*step.orders.look_at)) + std::chrono::microseconds(clock_.world().random().between(50, 2000));
  next_look_ = clock_.world().at(when, clock_.owner(), [this] {
    next_look_.reset();
    look();
  });
}

void GuardianProcess::obey(const guardian::Orders& orders) {
  if (!bugs_.fence_off) {
    if (orders.fence.quit_postmaster) instance_.sigquit();
    if (orders.fence.kill_postgres) instance_.sigkill_all();
  }
  if (orders.supervision.start_agent) hooks_.start_agent();
  if (orders.supervision.exit) {
    ended_ = true;
    hooks_.ended(*orders.supervision.exit);
  }
}

void GuardianProcess::agent_ended(int exit_code, bool said_goodbye) {
  agent_just_ended_ = true;
  agent_exit_code_ = exit_code;
  if (said_goodbye) goodbye_ = guardian::Goodbye{.code = exit_code};
  look();
}

void GuardianProcess::freeze(bool frozen) {
  frozen_ = frozen;
  if (!frozen && std::exchange(missed_, false)) look();
}

// ---- the agent's side ----------------------------------------------------------------------------------------------

void GuardianPort::tell() {
  if (auto* process = process_()) process->look();
}

void GuardianPort::publish_lease(model::SessionToken session, std::uint64_t term, model::Instant valid_until) {
  guardian::Lease lease = page_.lease.value;
  lease.term = term;
  lease.token = session.value;
  lease.valid_until = valid_until.time_since_epoch().count();
  lease.written_at = clock_.now().time_since_epoch().count();
  ++lease.writes;
  write(page_.lease, lease);
  tell();
}

model::LeaseState GuardianPort::resumable_lease() const {
  model::LeaseState state;
  if (page_.lease.status != guardian::ReadStatus::kGood || page_.lease.value.token == 0) return state;
  const auto& lease = page_.lease.value;
  const model::Instant until{std::chrono::nanoseconds(lease.valid_until)};
  if (until <= clock_.now()) return state;
  state.session = {lease.token};
  state.term = lease.term;
  state.valid_until = until;
  state.outcome = model::LeaseOutcome::kHeld;
  const auto* process = process_();
  state.armed = process && process->state().fence.armed_term == lease.term;
  return state;
}

asio::awaitable<model::Result<void, ports::GuardianError>> GuardianPort::arm(std::uint64_t term, Milliseconds) {
  guardian::Lease lease = page_.lease.value;
  lease.armed_term = term;
  write(page_.lease, lease);
  co_await clock_.sleep_until(clock_.now() + Milliseconds(1));
  auto* process = process_();
  if (!process) co_return tl::unexpected(ports::GuardianError{"no guardian"});
  process->look();
  if (process->state().fence.armed_term != term) co_return tl::unexpected(ports::GuardianError{"not acknowledged"});
  co_return model::Result<void, ports::GuardianError>{};
}

void GuardianPort::stand_down(std::string) {
  guardian::Lease lease = page_.lease.value;
  lease.armed_term = 0;
  write(page_.lease, lease);
}

void GuardianPort::publish_writable(bool may_write) {
  guardian::Posture posture = page_.posture.value;
  posture.max_ttl = std::chrono::nanoseconds(max_ttl_).count();
  posture.may_write = may_write ? 1 : 0;
  if (posture == page_.posture.value && page_.posture.status == guardian::ReadStatus::kGood) return;
  write(page_.posture, posture);
  tell();
}

void GuardianPort::publish_pause(bool paused) {
  guardian::Posture posture = page_.posture.value;
  posture.max_ttl = std::chrono::nanoseconds(max_ttl_).count();
  posture.paused = paused ? 1 : 0;
  if (posture == page_.posture.value && page_.posture.status == guardian::ReadStatus::kGood) return;
  write(page_.posture, posture);
  tell();
}

}  // namespace matriarch::simulation
