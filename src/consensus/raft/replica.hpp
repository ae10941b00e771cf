// One member's copy of the store: Raft, the machine it feeds, and the judge of leases. Lives on one thread.
//
// Commands that are submitted while a batch is under way wait and go together in the next one; reads that must be
// linearizable wait for the next batch too (an empty one if need be): whatever was acknowledged before the read began
// is then in the machine, because an entry submitted after that moment has been committed and applied here.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "consensus/log.hpp"
#include "consensus/machine/lease_clock.hpp"
#include "consensus/machine/machine.hpp"
#include "consensus/raft/pace.hpp"

namespace matriarch::consensus::raft {

enum class Role { kStandby, kVoter, kSpare };  // as libraft has them: a standby has the log and no vote
enum class State { kUnavailable, kFollower, kCandidate, kLeader };
const char* to_string(Role role);
const char* to_string(State state);

struct Member {
  std::uint64_t id = 0;
  std::string address;
  Role role = Role::kSpare;
  bool operator==(const Member&) const = default;
};

struct ReplicaSettings {
  std::string directory;  // of Raft's own files; exists
  std::uint64_t id = 0;
  std::string address;
  // With the shortest leases; longer ones stretch both (pace.hpp).
  Pace pace{.election_timeout = std::chrono::milliseconds(150), .heartbeat = std::chrono::milliseconds(50)};
  std::chrono::milliseconds connect_retry{50};
  unsigned snapshot_threshold = 2048;
  unsigned snapshot_trailing = 512;
  unsigned segment_bytes = 2u << 20;
};

struct ReplicaStatus {
  State state = State::kFollower;
  std::uint64_t term = 0;
  std::uint64_t leader_id = 0;
  std::uint64_t last_index = 0;
  std::uint64_t commit_index = 0;
  std::uint64_t applied_index = 0;
  bool is_changing_members = false;
  bool operator==(const ReplicaStatus&) const = default;
};

enum class SubmitError {
  kNotLeader,  // certainly not done
  kLost,       // leadership was lost on the way: it may still be done
  kNoSpace,    // a majority has no room for the entry: certainly not done
  kTooLate,    // a keep-alive that waited longer than its lease lasts: dropped
};
enum class ChangeError { kNotLeader, kLost, kBusy, kRefused, kNoSpace };

class Replica {
 public:
  using Submitted = std::function<void(tl::expected<machine::Outcome, SubmitError>)>;
  using Reached = std::function<void(tl::expected<void, SubmitError>)>;
  using Changed = std::function<void(tl::expected<void, ChangeError>)>;
  // libraft wants a stream to a member; answer with connected() once, later.
  using Connect = std::function<void(std::uint64_t token, std::uint64_t id, std::string address)>;

  struct Hooks {
    Log log;
    Connect connect;
    // After commands were applied; `keys_changed` when the revision moved.
    std::function<void(bool keys_changed)> applied;
    // Term, leader or state changed.
    std::function<void(const ReplicaStatus&)> status_changed;
    // This program cannot go on (the reason says what to do); called at most once.
    std::function<void(std::string)> failed;
  };

  // Opens the directory and loads what it holds; the error names the file and what can be done.
  static tl::expected<std::unique_ptr<Replica>, std::string> open(boost::asio::any_io_executor executor,
                                                                  ReplicaSettings settings, Hooks hooks);
  // Writes the first configuration into a directory that was never used.
  static tl::expected<void, std::string> bootstrap(const ReplicaSettings& settings, const std::vector<Member>& members);
  // Forces a configuration onto the log of a directory no program uses (the quorum was lost).
  static tl::expected<void, std::string> recover(const ReplicaSettings& settings, const std::vector<Member>& members);
  ~Replica();

  // Only on the leader; the handler is called once, later or at once. `waited` is how long the command has been on
  // its way already.
  void submit(machine::Command command, std::chrono::nanoseconds waited, Submitted done);
  // When `done` is called without an error, the machine holds everything acknowledged before this call.
  void read_barrier(Reached done);

  // Membership, one change at a time; only on the leader. A member is added as a spare.
  void add(std::uint64_t id, std::string address, Changed done);
  void assign(std::uint64_t id, Role role, Changed done);
  void remove(std::uint64_t id, Changed done);
  void transfer(std::uint64_t id, Changed done);

  void connected(std::uint64_t token, int fd);
  void accepted(std::uint64_t id, const std::string& address, int fd);

  const machine::Machine& machine() const;
  const machine::LeaseClock& leases() const;
  ReplicaStatus status() const;
  Pace pace() const;  // in force
  bool leads() const { return status().state == State::kLeader; }
  std::vector<Member> members() const;
  std::uint64_t match_index(std::uint64_t id) const;
  static std::chrono::nanoseconds now();  // the clock of the lease judge

 private:
  struct Impl;
  explicit Replica(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace matriarch::consensus::raft
