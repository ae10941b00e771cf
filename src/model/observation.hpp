// Everything a decision may depend on, gathered at one moment. Input of rules::decide.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "model/cluster.hpp"
#include "model/lease.hpp"
#include "model/peer.hpp"
#include "model/postgres.hpp"
#include "model/settings.hpp"
#include "model/task.hpp"
#include "model/time.hpp"

namespace matriarch::model {

// Writes to the store that were sent and whose effect is not yet in the view. A rule does not ask for the same again.
enum class WriteKind {
  kInitialize, kConfig, kMember, kStatus, kSync, kFailover, kHistory, kFailsafe, kReleaseLease,
};

struct StoreView {
  std::shared_ptr<const Cluster> cluster;  // null: never read
  bool reachable = false;                  // the watch is alive, or a read succeeded within retry_timeout
  bool fresh = false;                      // read linearizably after the lease's acquisition (design: arm, read again)
  std::set<WriteKind> under_way;
};

// An operator's wish, accepted by the REST room and waiting for the loop.
struct OperatorWish {
  enum class Kind { kRestart, kScheduleRestart, kUnscheduleRestart, kReinitialize, kReload };
  Kind kind = Kind::kReload;
  std::uint64_t id = 0;                    // to answer it
  boost::json::object body;
  bool force = false, from_leader = false;
};

// Comparison with the leader's timeline, fetched on demand (Needs::divergence_check).
struct DivergenceReport {
  MemberName leader;
  Timeline leader_timeline;
  enum class Verdict { kNeedsRewind, kCompatible, kUnknown } verdict = Verdict::kUnknown;
  std::string says;
  Instant asked_at{};                      // when the comparison began: an older trigger is not answered by it
  bool operator==(const DivergenceReport&) const = default;
};

struct Observation {
  Instant now{};
  WallTime wall_now{};
  std::shared_ptr<const Settings> settings;
  StoreView store;
  LeaseState lease;
  PostgresNode postgres;
  std::map<MemberName, PeerStatus> peers;      // answers not older than the need that asked for them
  Instant peers_asked_at{};                    // 0: nobody was asked since the last change of leadership
  bool peers_complete = false;                 // every asked peer answered or its deadline passed
  std::optional<RunningTask> task;
  std::optional<FinishedTask> finished;        // shown once
  std::optional<DivergenceReport> divergence;
  std::optional<bool> background_checkpoint;   // result of the last one; nothing: none finished
  bool background_checkpoint_running = false;
  std::optional<FailsafeRecord> failsafe;      // as a receiver
  std::optional<FailsafeRound> failsafe_round; // as a primary without store
  std::vector<OperatorWish> wishes;
  std::string last_event;                      // what caused this look, for the journal
  bool watchdog_active = false, watchdog_healthy = true;
  bool shutting_down = false;                  // SIGTERM was received
  Milliseconds fence_budget{150};              // how long before valid_until the guardian begins to kill

  const MemberName& me() const { return settings->name; }
  const Cluster& cluster() const { return *store.cluster; }
  const DynamicSettings& dynamic() const { return settings->dynamic; }
  bool has_lock() const { return store.cluster && store.cluster->is_led_by(settings->name); }
  // The lease is valid by the clock and its term is the leader key we see.
  bool is_leader() const { return lease.holds(now); }
};

}  // namespace matriarch::model
