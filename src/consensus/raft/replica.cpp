#include "consensus/raft/replica.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <utility>

#include "consensus/raft/bridge.h"
#include "consensus/raft/driver.hpp"
#include "consensus/raft/entry.hpp"
#include "consensus/raft/receipts.hpp"
#include "consensus/raft/segment_check.hpp"
#include "system/clock.hpp"

namespace matriarch::consensus::raft {
namespace {

namespace asio = boost::asio;
using machine::Applied;
using machine::Command;

constexpr std::size_t kMaxBatchCommands = 256;
constexpr std::size_t kMaxBatchBytes = 512u << 10;  // a single command may be longer
constexpr std::size_t kMaxWaiting = 4096;
// A snapshot is due not only after so many entries, but also when they are this long: the log is kept in memory.
constexpr std::size_t kMaxBytesBetweenSnapshots = 4u << 20;

// Every member has applied what changed the pace.
constexpr std::chrono::seconds kPaceSpreads{1};

std::uint64_t random_session() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1;
}

bridge_options options_of(const ReplicaSettings& settings) {
  return {.directory = settings.directory.c_str(),
          .id = settings.id,
          .address = settings.address.c_str(),
          .election_timeout_ms = static_cast<unsigned>(settings.pace.election_timeout.count()),
          .heartbeat_ms = static_cast<unsigned>(settings.pace.heartbeat.count()),
          .connect_retry_ms = static_cast<unsigned>(settings.connect_retry.count()),
          .snapshot_threshold = settings.snapshot_threshold,
          .snapshot_trailing = settings.snapshot_trailing,
          .segment_bytes = settings.segment_bytes};
}

std::vector<bridge_server> servers_of(const std::vector<Member>& members) {
  std::vector<bridge_server> servers;
  for (const auto& member : members) {
    servers.push_back({.id = member.id, .address = member.address.c_str(), .role = static_cast<int>(member.role)});
  }
  return servers;
}

SubmitError submit_error(int result) {
  if (result == BRIDGE_NOT_LEADER) return SubmitError::kNotLeader;
  return result == BRIDGE_NO_SPACE ? SubmitError::kNoSpace : SubmitError::kLost;
}

ChangeError change_error(int result) {
  switch (result) {
    case BRIDGE_NOT_LEADER: return ChangeError::kNotLeader;
    case BRIDGE_LOST: return ChangeError::kLost;
    case BRIDGE_BUSY: return ChangeError::kBusy;
    case BRIDGE_NO_SPACE: return ChangeError::kNoSpace;
    default: return ChangeError::kRefused;
  }
}

// libraft's own words name the file; this adds what an operator can do.
std::string cannot_open(const ReplicaSettings& settings, std::string_view error) {
  return fmt::format(
      "the consensus directory {} cannot be used: {}. Nothing was changed. If the disk is full make room; if a file is "
      "damaged and other members are alive, remove this member ('matriarch store remove'), move the directory away and "
      "start again, it will copy everything from them.",
      settings.directory, error);
}

}  // namespace

const char* to_string(Role role) {
  switch (role) {
    case Role::kStandby: return "standby";
    case Role::kVoter: return "voter";
    case Role::kSpare: return "spare";
  }
  return "?";
}

const char* to_string(State state) {
  switch (state) {
    case State::kUnavailable: return "unavailable";
    case State::kFollower: return "follower";
    case State::kCandidate: return "candidate";
    case State::kLeader: return "leader";
  }
  return "?";
}

struct Replica::Impl {
  Impl(asio::any_io_executor its_executor, ReplicaSettings its_settings, Hooks its_hooks)
      : executor(its_executor),
        settings(std::move(its_settings)),
        hooks(std::move(its_hooks)),
        lease_timer(its_executor),
        pace(settings.pace),
        pace_timer(its_executor) {}
  ~Impl();

  struct Waiting {
    std::string command;  // encoded; empty for a read
    std::optional<machine::LeaseId> keep_alive = {};
    std::chrono::nanoseconds since = {};
    Submitted done = {};
    Reached reached = {};
  };
  struct Batch {
    Ticket ticket;
    std::vector<Waiting> parts;
  };

  // From libraft.
  void received(std::string_view bytes);
  int apply(std::uint64_t index, std::string_view bytes);
  int snapshot(void** data, std::size_t* size);
  int restore(std::string_view bytes);
  void ended(std::uint64_t token, int result);

  void enqueue(Waiting waiting);
  void flush();
  void fail_all(SubmitError error);
  void answer(Batch batch, std::vector<Applied> applied);
  void after_pass();
  void watch_status();
  void judge_leases();
  void arm_lease_timer();
  void adapt_pace();
  void set_pace(Pace fresh);
  void give_up(std::string why);
  void begin_change(Changed done, const std::function<int(std::uint64_t)>& begin);
  ReplicaStatus status() const;

  asio::any_io_executor executor;
  ReplicaSettings settings;
  Hooks hooks;
  bridge* raft = nullptr;
  std::unique_ptr<Driver> driver;
  machine::Machine machine;
  machine::LeaseClock leases;
  Receipts receipts;
  asio::steady_timer lease_timer;
  Pace pace;  // in force
  asio::steady_timer pace_timer;
  bool leases_changed = true;  // since the pace was chosen
  // A timer that has run out cannot be called back: its handler may come after the end of this object.
  const std::shared_ptr<bool> life = std::make_shared<bool>(true);
  ReplicaStatus known;
  const std::uint64_t session = random_session();
  std::uint64_t next_number = 1;
  std::deque<Waiting> waiting;
  std::optional<Batch> under_way;
  // What libraft answered while one of its callbacks ran, to be handed on when it has returned.
  std::vector<std::function<void()>> later;
  std::map<std::uint64_t, Changed> changes;
  bool keys_changed = false;
  bool anything_applied = false;
  bool spread_wanted = false;
  bool given_up = false;
  std::size_t bytes_since_snapshot = 0;
};

Replica::Impl::~Impl() {
  driver.reset();
  lease_timer.cancel();
  pace_timer.cancel();
  hooks = {};
  if (raft != nullptr) bridge_close(raft);
}

// --- what libraft calls -----------------------------------------------------------------------------------------

void Replica::Impl::received(std::string_view bytes) {
  if (const auto ticket = decode_ticket(bytes)) receipts.note(*ticket, now());
}

int Replica::Impl::apply(std::uint64_t, std::string_view bytes) {
  const auto entry = decode_entry(bytes);
  if (!entry) {
    give_up("the log holds an entry this program cannot read: the cluster is newer than this program, upgrade it");
    return 1;
  }
  const auto moment = receipts.take(entry->ticket).value_or(now());
  std::vector<Applied> all;
  for (const auto& encoded : entry->commands) {
    const auto command = machine::decode_command(encoded);
    if (!command) {
      give_up("the log holds a command this program does not know: the cluster is newer than this program, upgrade it");
      return 1;
    }
    auto applied = machine.apply(*command);
    leases.observe(machine, applied, moment);
    leases_changed = leases_changed || !std::holds_alternative<machine::KeepAlive>(command->body);
    const bool replaces_all = std::holds_alternative<machine::RestoreKeys>(command->body);
    if (replaces_all) leases.observe_all(machine, moment);
    // What a restore replaced is no list of events; who watches must learn of it all the same, and at once.
    keys_changed = keys_changed || replaces_all || !applied.events.empty();
    all.push_back(std::move(applied));
  }
  anything_applied = true;
  bytes_since_snapshot += bytes.size();
  if (bytes_since_snapshot > kMaxBytesBetweenSnapshots) {
    later.push_back([this] { bridge_set_snapshot_threshold(raft, 1); });
  }
  if (under_way && under_way->ticket == entry->ticket) {
    auto batch = std::move(*under_way);
    under_way.reset();
    answer(std::move(batch), std::move(all));
  }
  return 0;
}

void Replica::Impl::answer(Batch batch, std::vector<Applied> applied) {
  later.push_back([this, parts = std::move(batch.parts), answers = std::move(applied)]() mutable {
    std::size_t next = 0;
    for (auto& part : parts) {
      if (part.reached) part.reached({});
      else part.done(std::move(answers.at(next++).outcome));
    }
    flush();
  });
}

int Replica::Impl::snapshot(void** data, std::size_t* size) {
  const auto bytes = machine.snapshot();
  *data = std::malloc(bytes.size());
  if (*data == nullptr) return 1;
  std::memcpy(*data, bytes.data(), bytes.size());
  *size = bytes.size();
  bytes_since_snapshot = 0;
  later.push_back([this] { bridge_set_snapshot_threshold(raft, settings.snapshot_threshold); });
  return 0;
}

int Replica::Impl::restore(std::string_view bytes) {
  auto restored = machine::Machine::from_snapshot(bytes, machine.limits());
  if (!restored) {
    give_up(fmt::format("the snapshot in {} cannot be read: {}", settings.directory, restored.error()));
    return 1;
  }
  machine = std::move(*restored);
  leases.observe_all(machine, now());
  keys_changed = anything_applied = leases_changed = true;
  return 0;
}

void Replica::Impl::ended(std::uint64_t token, int result) {
  if (const auto change = changes.extract(token); !change.empty()) {
    later.push_back([done = std::move(change.mapped()), result] {
      if (result == BRIDGE_DONE) done({});
      else done(tl::unexpected(change_error(result)));
    });
    return;
  }
  if (!under_way || under_way->ticket.number != token || result == BRIDGE_DONE) return;
  auto batch = std::move(*under_way);
  under_way.reset();
  later.push_back([this, parts = std::move(batch.parts), error = submit_error(result)] {
    for (const auto& part : parts) {
      if (part.reached) part.reached(tl::unexpected(error));
      else part.done(tl::unexpected(error));
    }
    flush();
  });
}

// --- submission -------------------------------------------------------------------------------------------------

void Replica::Impl::enqueue(Waiting one) {
  const auto refuse = [&](SubmitError error) {
    if (one.reached) one.reached(tl::unexpected(error));
    else one.done(tl::unexpected(error));
  };
  if (given_up || status().state != State::kLeader) return refuse(SubmitError::kNotLeader);
  if (waiting.size() >= kMaxWaiting) return refuse(SubmitError::kNoSpace);
  waiting.push_back(std::move(one));
  flush();
}

void Replica::Impl::flush() {
  if (under_way || given_up) return;
  if (waiting.empty() && !spread_wanted) return;
  Batch batch{.ticket = {.session = session, .number = next_number++}, .parts = {}};
  Entry entry{.ticket = batch.ticket};
  std::vector<Waiting> too_late;
  std::size_t bytes = 0;
  while (!waiting.empty() && entry.commands.size() < kMaxBatchCommands && bytes < kMaxBatchBytes) {
    auto one = std::move(waiting.front());
    waiting.pop_front();
    if (one.keep_alive && waited_too_long(machine, {.id = *one.keep_alive}, now() - one.since)) {
      too_late.push_back(std::move(one));
      continue;
    }
    if (!one.reached) {
      bytes += one.command.size();
      entry.commands.push_back(std::move(one.command));
    }
    batch.parts.push_back(std::move(one));
  }
  spread_wanted = false;
  const auto encoded = encode(entry);
  std::uint64_t index = 0;
  const int result = bridge_submit(raft, batch.ticket.number, encoded.data(), encoded.size(), &index);
  if (result == BRIDGE_DONE) {
    under_way = std::move(batch);
  } else {
    for (const auto& part : batch.parts) {
      if (part.reached) part.reached(tl::unexpected(submit_error(result)));
      else part.done(tl::unexpected(submit_error(result)));
    }
    fail_all(submit_error(result));
  }
  for (const auto& one : too_late) one.done(tl::unexpected(SubmitError::kTooLate));
  driver->kick();
}

void Replica::Impl::fail_all(SubmitError error) {
  auto failed = std::move(waiting);
  waiting.clear();
  for (const auto& one : failed) {
    if (one.reached) one.reached(tl::unexpected(error));
    else one.done(tl::unexpected(error));
  }
}

// --- after each pass of the loop --------------------------------------------------------------------------------

void Replica::Impl::after_pass() {
  watch_status();
  while (!later.empty()) {  // handlers may submit, which may append here
    const auto due = std::move(later);
    later.clear();
    for (const auto& call : due) call();
  }
  if (!anything_applied) return;
  const bool changed = keys_changed;
  keys_changed = anything_applied = false;
  arm_lease_timer();
  adapt_pace();
  if (hooks.applied) hooks.applied(changed);
  // Followers learn what is committed with the next entry or heartbeat. When a key changed and no entry follows by
  // itself, an empty one brings their watchers the news at once.
  if (changed && known.state == State::kLeader && bridge_members(raft, nullptr, 0) > 1) {
    spread_wanted = true;
    flush();
  }
}

void Replica::Impl::watch_status() {
  const auto fresh = status();
  const bool led = known.state == State::kLeader;
  const bool leads = fresh.state == State::kLeader;
  const bool differs = fresh.state != known.state || fresh.term != known.term || fresh.leader_id != known.leader_id;
  const bool new_leadership = leads && (!led || fresh.term != known.term);
  known = fresh;
  if (fresh.state == State::kUnavailable) return give_up("Raft cannot go on: " + std::string(bridge_last_words()));
  if (led && !leads) {
    leases.follow();
    spread_wanted = false;
    fail_all(SubmitError::kNotLeader);
  }
  if (new_leadership) {
    leases.lead(fresh.term);
    enqueue({.reached = [this, term = fresh.term](auto reached) {
      if (!reached || known.term != term) return;
      leases.barrier_applied(term);
      judge_leases();
    }});
  }
  if (differs && hooks.status_changed) hooks.status_changed(fresh);
}

ReplicaStatus Replica::Impl::status() const {
  bridge_status seen{};
  bridge_get_status(raft, &seen);
  return {.state = static_cast<State>(seen.state),
          .term = seen.term,
          .leader_id = seen.leader_id,
          .last_index = seen.last_index,
          .commit_index = seen.commit_index,
          .applied_index = seen.applied_index,
          .is_changing_members = seen.is_changing_members != 0};
}

void Replica::Impl::give_up(std::string why) {
  if (given_up) return;
  given_up = true;
  fail_all(SubmitError::kNotLeader);
  // Not from inside libraft: whoever hears it may end the process, or this object.
  asio::post(executor, [failed = hooks.failed, reason = std::move(why)] {
    if (failed) failed(reason);
  });
}

// --- leases -----------------------------------------------------------------------------------------------------

// An expiry that had no effect is proposed again after an election timeout: leadership may have been on the move.
void Replica::Impl::judge_leases() {
  for (const auto& expired : leases.due(now(), pace.election_timeout)) {
    enqueue({.command = machine::encode(Command{.body = expired}), .since = now(), .done = [](auto) {}});
  }
  arm_lease_timer();
}

void Replica::Impl::arm_lease_timer() {
  const auto look = leases.next_look();
  if (!look || given_up) {
    lease_timer.cancel();
    return;
  }
  lease_timer.expires_after(std::max(*look - now(), std::chrono::nanoseconds(0)));
  lease_timer.async_wait([this, alive = std::weak_ptr(life)](auto error) {
    if (!error && !alive.expired()) judge_leases();
  });
}

// Every member comes to the same pace, but not at the same moment: for a while the leader is heard of as often as either of the
// two needs, and its silence borne as long.
void Replica::Impl::adapt_pace() {
  if (!std::exchange(leases_changed, false)) return;
  std::optional<std::chrono::milliseconds> shortest;
  for (const auto& [id, lease] : machine.leases()) {
    const std::chrono::milliseconds ttl(lease.ttl_ms);
    shortest = shortest ? std::min(*shortest, ttl) : ttl;
  }
  const Pace wanted = stretched(settings.pace, shortest);
  if (wanted == pace) {
    pace_timer.cancel();
    return;
  }
  set_pace({.election_timeout = std::max(pace.election_timeout, wanted.election_timeout), .heartbeat = std::min(pace.heartbeat, wanted.heartbeat)});
  pace_timer.expires_after(kPaceSpreads);
  pace_timer.async_wait([this, wanted, alive = std::weak_ptr(life)](auto error) {
    if (!error && !alive.expired() && !given_up) set_pace(wanted);
  });
}

void Replica::Impl::set_pace(Pace fresh) {
  if (std::exchange(pace, fresh) == fresh) return;
  bridge_set_pace(raft, static_cast<unsigned>(fresh.election_timeout.count()), static_cast<unsigned>(fresh.heartbeat.count()));
}

// --- membership -------------------------------------------------------------------------------------------------

void Replica::Impl::begin_change(Changed done, const std::function<int(std::uint64_t)>& begin) {
  if (given_up) return done(tl::unexpected(ChangeError::kNotLeader));
  if (status().state != State::kLeader) return done(tl::unexpected(ChangeError::kNotLeader));
  // libraft asserts that there is one change at a time.
  if (!changes.empty() || status().is_changing_members) return done(tl::unexpected(ChangeError::kBusy));
  const auto token = next_number++;
  const int result = begin(token);
  if (result != BRIDGE_DONE) return done(tl::unexpected(change_error(result)));
  changes.emplace(token, std::move(done));
  driver->kick();
}

// --- the outside ------------------------------------------------------------------------------------------------

Replica::Replica(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Replica::~Replica() = default;

tl::expected<std::unique_ptr<Replica>, std::string> Replica::open(asio::any_io_executor executor,
                                                                  ReplicaSettings settings, Hooks hooks) {
  if (auto sound = check_open_segments(settings.directory); !sound) {
    return tl::unexpected(cannot_open(settings, sound.error()));
  }
  auto impl = std::make_unique<Impl>(std::move(executor), std::move(settings), std::move(hooks));
  const bridge_callbacks callbacks{
      .context = impl.get(),
      .received = [](void* context, const void* data, std::size_t size) {
        static_cast<Impl*>(context)->received({static_cast<const char*>(data), size});
      },
      .apply = [](void* context, std::uint64_t index, const void* data, std::size_t size) {
        return static_cast<Impl*>(context)->apply(index, {static_cast<const char*>(data), size});
      },
      .snapshot = [](void* context, void** data, std::size_t* size) {
        return static_cast<Impl*>(context)->snapshot(data, size);
      },
      .restore = [](void* context, const void* data, std::size_t size) {
        return static_cast<Impl*>(context)->restore({static_cast<const char*>(data), size});
      },
      .connect = [](void* context, std::uint64_t token, std::uint64_t id, const char* address) {
        auto& self = *static_cast<Impl*>(context);
        if (self.hooks.connect) self.hooks.connect(token, id, address);
      },
      .ended = [](void* context, std::uint64_t token, int result) {
        static_cast<Impl*>(context)->ended(token, result);
      }};
  char error[512] = {};
  const auto options = options_of(impl->settings);
  if (bridge_open(&impl->raft, &options, &callbacks, error, sizeof error) != 0 ||
      bridge_start(impl->raft, error, sizeof error) != 0) {
    return tl::unexpected(cannot_open(impl->settings, error));
  }
  auto* self = impl.get();
  impl->driver = std::make_unique<Driver>(impl->executor, impl->raft, [self] { self->after_pass(); });
  return std::unique_ptr<Replica>(new Replica(std::move(impl)));
}

namespace {

tl::expected<void, std::string> prepare(const ReplicaSettings& settings, const std::vector<Member>& members,
                                        decltype(&bridge_bootstrap) write) {
  const bridge_callbacks nothing{
      .context = nullptr,
      .received = [](void*, const void*, std::size_t) {},
      .apply = [](void*, std::uint64_t, const void*, std::size_t) { return 0; },
      .snapshot = [](void*, void**, std::size_t*) { return 1; },
      .restore = [](void*, const void*, std::size_t) { return 0; },
      .connect = [](void*, std::uint64_t, std::uint64_t, const char*) {},
      .ended = [](void*, std::uint64_t, int) {}};
  char error[512] = {};
  bridge* raft = nullptr;
  const auto options = options_of(settings);
  if (bridge_open(&raft, &options, &nothing, error, sizeof error) != 0) {
    return tl::unexpected(cannot_open(settings, error));
  }
  const auto servers = servers_of(members);
  const int failed = write(raft, servers.data(), static_cast<unsigned>(servers.size()), error, sizeof error);
  bridge_close(raft);
  if (failed != 0) return tl::unexpected(cannot_open(settings, error));
  return {};
}

}  // namespace

tl::expected<void, std::string> Replica::bootstrap(const ReplicaSettings& settings, const std::vector<Member>& members) {
  return prepare(settings, members, bridge_bootstrap);
}

tl::expected<void, std::string> Replica::recover(const ReplicaSettings& settings, const std::vector<Member>& members) {
  if (auto sound = check_open_segments(settings.directory); !sound) {
    return tl::unexpected(cannot_open(settings, sound.error()));
  }
  return prepare(settings, members, bridge_recover);
}

void Replica::submit(Command command, std::chrono::nanoseconds waited, Submitted done) {
  const auto* alive = std::get_if<machine::KeepAlive>(&command.body);
  impl_->enqueue({.command = machine::encode(command),
                  .keep_alive = alive != nullptr ? std::optional(alive->id) : std::nullopt,
                  .since = now() - waited,
                  .done = std::move(done)});
}

void Replica::read_barrier(Reached done) { impl_->enqueue({.reached = std::move(done)}); }

void Replica::add(std::uint64_t id, std::string address, Changed done) {
  impl_->begin_change(std::move(done),
                      [&](std::uint64_t token) { return bridge_add(impl_->raft, token, id, address.c_str()); });
}
void Replica::assign(std::uint64_t id, Role role, Changed done) {
  impl_->begin_change(std::move(done), [&](std::uint64_t token) {
    return bridge_assign(impl_->raft, token, id, static_cast<int>(role));
  });
}
void Replica::remove(std::uint64_t id, Changed done) {
  impl_->begin_change(std::move(done), [&](std::uint64_t token) { return bridge_remove(impl_->raft, token, id); });
}
void Replica::transfer(std::uint64_t id, Changed done) {
  impl_->begin_change(std::move(done), [&](std::uint64_t token) { return bridge_transfer(impl_->raft, token, id); });
}

void Replica::connected(std::uint64_t token, int fd) {
  bridge_connected(impl_->raft, token, fd);
  impl_->driver->kick();
}
void Replica::accepted(std::uint64_t id, const std::string& address, int fd) {
  bridge_accepted(impl_->raft, id, address.c_str(), fd);
  impl_->driver->kick();
}

const machine::Machine& Replica::machine() const { return impl_->machine; }
const machine::LeaseClock& Replica::leases() const { return impl_->leases; }
ReplicaStatus Replica::status() const { return impl_->status(); }
Pace Replica::pace() const { return impl_->pace; }
std::uint64_t Replica::match_index(std::uint64_t id) const { return bridge_match_index(impl_->raft, id); }

std::vector<Member> Replica::members() const {
  std::vector<bridge_server> servers(bridge_members(impl_->raft, nullptr, 0));
  bridge_members(impl_->raft, servers.data(), static_cast<unsigned>(servers.size()));
  std::vector<Member> members;
  for (const auto& server : servers) {
    members.push_back({.id = server.id, .address = server.address, .role = static_cast<Role>(server.role)});
  }
  return members;
}

std::chrono::nanoseconds Replica::now() { return system::read_clock(CLOCK_MONOTONIC); }

}  // namespace matriarch::consensus::raft
