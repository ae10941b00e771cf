#include "guardian/guardian.hpp"

#include <fcntl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <limits>

#include "guardian/marks.hpp"
#include "guardian/run_directory.hpp"
#include "guardian/wall_offset.hpp"
#include "system/cgroup.hpp"
#include "system/clock.hpp"
#include "system/realtime.hpp"
#include "system/signals.hpp"

namespace matriarch::guardian {
namespace {

// At least this often the guardian looks and measures how late it woke: a lease that was given up is seen by then even
// if nobody told.
constexpr Duration kHeartbeat = std::chrono::milliseconds(250);
constexpr int kNormalPriority = 0;

Instant now_since_boot() {
  return Instant(system::boot_time());
}

// Readable whenever CLOCK_REALTIME jumps: a timer that never fires, cancelled by each setting of the clock.
system::SystemResult<system::Fd> watch_wall_clock() {
  system::Fd fd(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!fd) return system::failed("create a timer on CLOCK_REALTIME");
  itimerspec never{};
  never.it_value.tv_sec = std::numeric_limits<std::int32_t>::max();
  if (::timerfd_settime(fd.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) != 0) {
    return system::failed("watch CLOCK_REALTIME");
  }
  return fd;
}

const char* yes_or_no(bool value) {
  return value ? "yes" : "no";
}

std::int64_t nanoseconds(Instant instant) {
  return instant.time_since_epoch().count();
}

double milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

std::string describe_margin(Duration left) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), ", %.1f ms %s the end of the lease", std::abs(milliseconds(left)),
                left > Duration::zero() ? "before" : "after");
  return text.data();
}

}  // namespace

// ---- start ---------------------------------------------------------------------------------------------------------

struct Guardian::Parts {
  Page page;
  system::Fd signals;
  system::BootTimer timer;
  system::Fd wall_clock;
  ControlServer control;
};

tl::expected<std::unique_ptr<Guardian>, std::string> Guardian::start(Job job, std::optional<Inheritance> inherited) {
  const auto complaint = [](const auto& failure) { return tl::unexpected(failure.error().message()); };
  system::ignore_sigpipe();
  auto page = inherited ? Page::take_over(std::move(inherited->page)) : make_page(job.run_directory);
  if (!page && page.error().code == EWOULDBLOCK) {
    return tl::unexpected("another guardian runs in " + job.run_directory);
  }
  if (!page) return complaint(page);
  if (auto made = system::become_child_subreaper(); !made) return complaint(made);
  auto signals = system::receive_signals({SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR2});
  if (!signals) return complaint(signals);
  auto timer = system::BootTimer::create();
  if (!timer) return complaint(timer);
  auto wall_clock = watch_wall_clock();
  if (!wall_clock) return complaint(wall_clock);
  auto control = inherited ? system::SystemResult<ControlServer>(ControlServer::take_over(
                                 std::move(inherited->listener), std::move(inherited->connections)))
                           : ControlServer::listen(control_path(job.run_directory));
  if (!control) return complaint(control);
  Parts parts{.page = std::move(*page),
              .signals = std::move(*signals),
              .timer = std::move(*timer),
              .wall_clock = std::move(*wall_clock),
              .control = std::move(*control)};
  return std::unique_ptr<Guardian>(new Guardian(std::move(job), std::move(parts), inherited.has_value()));
}

Guardian::Guardian(Job job, Parts parts, bool is_replacement)
    : job_(std::move(job)),
      page_(std::move(parts.page)),
      signals_(std::move(parts.signals)),
      timer_(std::move(parts.timer)),
      wall_clock_(std::move(parts.wall_clock)),
      control_(std::move(parts.control)),
      instance_(job_.data_directory),
      agent_(job_.agent, own_environment(), Ward::kAgent, job_.run_directory),
      store_(job_.store, own_environment(), Ward::kStore, job_.run_directory),
      strays_(job_.run_directory) {
  looks_.reserve(ControlServer::kMostConnections);
  watched_.reserve(ControlServer::kMostConnections + 5);
  spared_.reserve(3);
  // Best effort, all of it: safety rests on the arithmetic, these only keep the fence punctual on a starved machine.
  const bool realtime = job_.realtime_priority > kNormalPriority && system::request_realtime(job_.realtime_priority);
  const auto journal = journal_.start();
  const bool locked = system::lock_memory().has_value();
  recall(is_replacement);
  make_cage();
  acknowledgement_.realtime = realtime ? 1 : 0;
  acknowledgement_.memory_locked = locked ? 1 : 0;
  journal_.say("%s, process %d, in %s (real-time priority: %s, locked memory: %s)",
               is_replacement ? "replaced itself" : "started", ::getpid(), job_.run_directory.c_str(),
               yes_or_no(realtime), yes_or_no(locked));
  publish(now_since_boot());  // before any program starts that looks for its guardian there
}

// A control group of PostgreSQL's own, where the service manager delegated one to us: killed as a whole, forks in flight
// included. Everywhere else the tree is swept.
void Guardian::make_cage() {
  const auto own = system::Cgroup::own_delegated();
  if (!own) return;
  const std::size_t which = std::hash<std::string>{}(job_.run_directory);  // nodes may share our group
  const auto cage = own->child("postgres-" + std::to_string(which));
  if (!cage) return;
  system::Fd kill_switch(::open((cage->path() + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  auto entrance = cage->open_procs();
  if (!kill_switch || !entrance) return;
  cage_ = std::move(*entrance);
  instance_.set_kill_switch(std::move(kill_switch));
}

// What the last guardian wrote down; a replacement finds its own children there.
void Guardian::recall(bool is_replacement) {
  const auto before = page_.acknowledgement().read();
  if (before.status == ReadStatus::kGood) {
    acknowledgement_ = before.value;
    state_.fence.fences = before.value.fences;
    state_.fence.fenced_term = before.value.fenced_term;
    state_.fence.reason = before.value.reason;
    agent_.set_starts(before.value.agent_starts);
    store_.set_starts(before.value.store_starts);
  }
  acknowledgement_.guardian = identify(::getpid()).value_or(ProcessRef{.pid = ::getpid()});
  if (is_replacement) {
    ++acknowledgement_.replacements;
    if (is_alive(acknowledgement_.agent)) agent_.take_over(acknowledgement_.agent);
    if (is_alive(acknowledgement_.store)) store_.take_over(acknowledgement_.store);
  }
  strays_.expect_leftovers(!is_replacement);
  recall_postgres(acknowledgement_);
}

void Guardian::recall_postgres(const Acknowledgement& before) {
  const auto posture = page_.posture().read();
  const ProcessRef told = posture.status == ReadStatus::kGood ? posture.value.postmaster : ProcessRef{};
  if (!adopt_if_alive(before.postmaster, before.postmaster_is_foreign != 0) && !adopt_if_alive(told, false)) {
    find_postgres_by_directory();
  }
  // Only now is the data directory touched: its disk may hang, and a posture makes the question idle.
  if (posture.status == ReadStatus::kGood || !instance_.view().postmaster_alive) return;
  for (const char* name : {"/standby.signal", "/recovery.signal"}) {
    if (::access((job_.data_directory + name).c_str(), F_OK) == 0) instance_.set_known_standby(true);
  }
}

bool Guardian::adopt_if_alive(const ProcessRef& postmaster, bool foreign) {
  if (!is_alive(postmaster) || !instance_.adopt(postmaster)) return false;
  instance_.set_foreign(foreign);
  journal_.say("PostgreSQL runs, process %lld: %s", static_cast<long long>(postmaster.pid),
               instance_.is_child() ? "still our child" : "adopted");
  return true;
}

// No page knows of a postmaster. One that carries our mark was started by a guardian whose page is lost: it is ours, and
// without a lease. One without it was started by somebody else and is the agent's question.
void Guardian::find_postgres_by_directory() {
  instance_.set_data_directory(resolved(job_.data_directory));
  const auto postmaster = find_postmaster(job_.data_directory);
  if (!postmaster) {
    instance_.assume_ended(ProcessRef{}, now_since_boot());  // backends may have outlived it
  } else if (carries_mark(static_cast<pid_t>(postmaster->pid), mark(Ward::kPostgres, job_.run_directory))) {
    adopt_if_alive(*postmaster, false);
  } else {
    journal_.say("PostgreSQL runs, process %lld, which no guardian started: left to the agent",
                 static_cast<long long>(postmaster->pid));
  }
}

// ---- the loop ------------------------------------------------------------------------------------------------------

int Guardian::run() {
  while (true) {
    const Input input = gather();
    const Step taken = step(state_, input);
    const State before = std::exchange(state_, taken.state);
    obey(taken.orders);
    report(before);
    publish(input.fence.now);
    answer_looks();
    if (taken.orders.supervision.exit) {
      journal_.say("ends with code %d", *taken.orders.supervision.exit);
      if (!instance_.view().postmaster_alive) page_.remove();  // nothing is left that it could speak of
      journal_.finish();
      return *taken.orders.supervision.exit;
    }
    wait(taken.orders.look_at);
  }
}

// The clock is read last: nothing that was read before is younger.
FenceInput Guardian::look_at_page() {
  FenceInput seen{.budget = measured_budget(latency_.worst()),
                  .max_ttl = job_.max_ttl,
                  .lease = page_.lease().read(),
                  .posture = page_.posture().read(),
                  .postgres = instance_.view()};
  seen.wall_offset = wall_offset();
  seen.now = now_since_boot();
  return seen;
}

Input Guardian::gather() {
  Input input{.stop_limit = job_.stop_limit, .agent = agent_.take_view(), .store = store_.take_view()};
  instance_.look(spared(), state_.fence.phase == FencePhase::kKilling);
  input.strays = input.agent.running ? 0 : count_strays();
  input.stop_asked = std::exchange(stop_asked_, false);
  input.fence_asked = std::exchange(fence_asked_, false);
  input.agent_said_goodbye = std::exchange(goodbye_, std::nullopt);
  input.fence = look_at_page();
  return input;
}

std::uint32_t Guardian::count_strays() {
  // The very first turn belongs to the fence: "some" is as good as a number, the next turn counts.
  if (!std::exchange(has_turned_, true)) return 1;
  auto& spare = spared();
  if (instance_.view().postmaster_alive) spare.push_back(static_cast<pid_t>(instance_.postmaster().pid));
  return static_cast<std::uint32_t>(strays_.look(spare).size());
}

void Guardian::obey(const Orders& orders) {
  if (orders.fence.kill_postgres) {
    instance_.kill(spared());
    if (killed_at_ < state_.fence.began) killed_at_ = now_since_boot();
  }
  if (orders.fence.quit_postmaster) instance_.quit();
  const SupervisionOrders& supervision = orders.supervision;
  if (supervision.kill_strays) strays_.kill();
  if (supervision.terminate_agent) agent_.signal(SIGTERM);
  if (supervision.kill_agent) agent_.signal(SIGKILL);
  if (supervision.terminate_store) store_.signal(SIGTERM);
  if (supervision.kill_store) store_.signal(SIGKILL);
  if (supervision.start_store) start_program(store_, "store");
  if (supervision.start_agent) start_program(agent_, "agent");
}

void Guardian::start_program(Program& program, const char* name) {
  if (const auto started = program.start(); !started) {
    journal_.say("cannot start the %s: %s", name, started.error().message().c_str());
    timer_.set_at(std::chrono::nanoseconds(0));  // its end is to be seen at once
    return;
  }
  journal_.say("%s started, process %lld", name, static_cast<long long>(program.process().pid));
}

// Subtrees of our children that are not PostgreSQL's.
std::vector<pid_t>& Guardian::spared() {
  spared_.clear();
  if (agent_.running()) spared_.push_back(static_cast<pid_t>(agent_.process().pid));
  if (store_.running()) spared_.push_back(static_cast<pid_t>(store_.process().pid));
  if (trial_) spared_.push_back(*trial_);
  return spared_;
}

// One line when something changed, and the news for the agent.
void Guardian::report(const State& before) {
  const FenceState& fence = state_.fence;
  if (fence.armed_term != 0) instance_.set_foreign(false);
  if (fence.armed_term != before.fence.armed_term && fence.armed_term != 0) {
    journal_.say("armed for lease %llu", static_cast<unsigned long long>(fence.armed_term));
  }
  if (fence.phase != before.fence.phase && fence.phase != FencePhase::kWatching) {
    journal_.say("fence: %.*s; %s PostgreSQL, process %lld", static_cast<int>(name(fence.reason).size()),
                 name(fence.reason).data(), fence.phase == FencePhase::kQuitting ? "SIGQUIT to" : "SIGKILL to all of",
                 static_cast<long long>(instance_.postmaster().pid));
  }
  if (instance_.take_end()) {
    journal_.say("PostgreSQL has ended, process %lld: status %d", static_cast<long long>(instance_.postmaster().pid),
                 instance_.last_status());
    control_.tell(static_cast<pid_t>(agent_.process().pid), {.kind = MessageKind::kPostmasterEnded,
                                                             .process = instance_.postmaster(),
                                                             .status = instance_.last_status()});
  }
  if (fence.fences != before.fence.fences) {
    const std::string margin = fence.due == Instant{} ? std::string() : describe_margin(fence.due - fence.ended);
    journal_.say("fenced: every process of PostgreSQL is gone, %.1f ms after the fence began%s",
                 milliseconds(fence.ended - fence.began), margin.c_str());
    control_.tell(static_cast<pid_t>(agent_.process().pid),
                  {.kind = MessageKind::kFenced, .status = static_cast<std::int64_t>(fence.reason)});
  }
  if (state_.supervision.phase != before.supervision.phase && before.supervision.phase == StopPhase::kServing) {
    journal_.say("stopping");
  }
}

void Guardian::publish(Instant now) {
  Acknowledgement& told = acknowledgement_;
  told.agent = agent_.process();
  told.store = store_.process();
  told.postmaster = instance_.view().postmaster_alive ? instance_.postmaster() : ProcessRef{};
  told.postmaster_is_child = instance_.is_child() ? 1 : 0;
  told.postmaster_is_foreign = instance_.view().foreign ? 1 : 0;
  told.phase = state_.fence.phase;
  told.reason = state_.fence.reason;
  told.stopping = state_.supervision.phase == StopPhase::kServing ? 0 : 1;
  told.armed_term = state_.fence.armed_term;
  told.fences = state_.fence.fences;
  told.fenced_term = state_.fence.fenced_term;
  if (state_.fence.began != Instant{}) {
    told.fence_began = nanoseconds(state_.fence.began);
    told.fence_killed = killed_at_ < state_.fence.began ? 0 : nanoseconds(killed_at_);
    told.fence_ended = nanoseconds(state_.fence.ended);
    told.fence_due = nanoseconds(state_.fence.due);
  }
  told.fence_budget = effective_budget(measured_budget(latency_.worst()), page_.lease().read().value).count();
  const bool is_settled = instance_.is_settled() || instance_.view().postmaster_alive;
  told.left_behind = is_settled ? 0 : std::max(instance_.view().others, 1u);
  told.pending_kills = instance_.view().pending_kills;
  if (!instance_.view().postmaster_alive && instance_.postmaster()) {
    told.last_exit_pid = static_cast<std::uint64_t>(instance_.postmaster().pid);
    told.last_exit_status = instance_.last_status();
  }
  ++told.heartbeats;
  told.looked_at = nanoseconds(now);
  told.wake_latency_max = latency_.worst().count();
  told.wake_latency_p99 = latency_.p99().count();
  told.agent_starts = agent_.starts();
  told.store_starts = store_.starts();
  told.log_lines_dropped = journal_.dropped();
  page_.acknowledgement().write(told);
}

void Guardian::answer_looks() {
  for (const Answer& look : looks_) {
    control_.answer(look.connection,
                    {.kind = MessageKind::kDone, .request = look.request, .process = acknowledgement_.postmaster});
  }
  looks_.clear();
}

void Guardian::wait(std::optional<Instant> look_at) {
  const Instant now = now_since_boot();
  due_ = std::max(std::min(look_at.value_or(now + kHeartbeat), now + kHeartbeat), now);
  if (!timer_.set_at(due_.time_since_epoch())) due_ = now;  // cannot fail on a timer of ours
  // While it kills, the pace is the sweep's: hundreds of dying children would otherwise mean hundreds of looks at all.
  const bool only_timer = state_.fence.phase == FencePhase::kKilling;
  while (!wait_for_event() && only_timer) {
  }
}

// True when the timer was it.
bool Guardian::wait_for_event() {
  watched_.clear();
  watched_.push_back({.fd = signals_.get(), .events = POLLIN, .revents = 0});
  watched_.push_back({.fd = timer_.fd(), .events = POLLIN, .revents = 0});
  watched_.push_back({.fd = wall_clock_.get(), .events = POLLIN, .revents = 0});
  watched_.push_back({.fd = instance_.pidfd(), .events = POLLIN, .revents = 0});  // -1 is passed over
  control_.watch(watched_);
  if (::poll(watched_.data(), watched_.size(), -1) < 0) return false;

  const Instant woke = now_since_boot();
  const bool is_time = timer_.drain();
  if (is_time) latency_.add(woke - due_, woke);
  std::uint64_t cancelled = 0;  // the read fails with ECANCELED, which is all there is to know
  [[maybe_unused]] const ssize_t none = ::read(wall_clock_.get(), &cancelled, sizeof cancelled);
  instance_.note_pidfd(woke);
  on_signals();
  // Requests can wait for the turn that the timer asked for, which may be a fence.
  if (is_time) return true;
  while (auto request = control_.next(watched_)) on_request(std::move(*request));
  return false;
}

// ---- events --------------------------------------------------------------------------------------------------------

void Guardian::on_signals() {
  while (const auto signal = system::next_signal(signals_)) {
    switch (signal->ssi_signo) {
      case SIGTERM:
      case SIGINT:
        stop_asked_ = true;
        break;
      case SIGHUP:
        agent_.signal(SIGHUP);
        break;
      case SIGUSR2:
        (void)try_successor();  // who sends a signal reads the answer in the log
        break;
      default:
        break;
    }
  }
  while (const auto child = system::reap_any()) on_child_ended(*child);
}

void Guardian::on_child_ended(const system::Reaped& child) {
  if (trial_ && child.pid == *trial_) return on_successor_tried(child.status);
  if (instance_.note_reaped(child.pid, child.status, now_since_boot())) return;  // told when all of it is gone
  const char* name = agent_.note_reaped(child.pid, child.status)   ? "agent"
                     : store_.note_reaped(child.pid, child.status) ? "store"
                                                                   : nullptr;
  if (name != nullptr) journal_.say("%s, process %d, %s", name, child.pid, system::describe(child.status).c_str());
}

void Guardian::on_request(ControlServer::Request request) {
  const ControlMessage& asked = request.received.message;
  if (asked.kind == MessageKind::kLook) {
    if (asked.request != 0) looks_.push_back({.connection = request.connection, .request = asked.request});
    return;
  }
  ControlMessage answer = carry_out(request);
  answer.request = asked.request;
  if (answer.kind == MessageKind::kRefused) {
    journal_.say("refused: %s", answer.text.data());
  }
  control_.answer(request.connection, answer);
}

}  // namespace matriarch::guardian
