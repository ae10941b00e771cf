// The embedded store as a pure machine: etcd's keys, revisions, leases, transactions and watch history, nothing else.
//
// apply() is deterministic: the same commands in the same order give the same state, answers and events on every
// node, whatever the clock, the thread or the address of an object. It has no I/O and no time: that a lease ran out
// is a command like any other, proposed by whoever has a clock (lease_clock.hpp). Everything is bounded by Limits.
//
// Used by the store's server behind Raft and, the same object code, by the simulator behind its model of Raft.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "consensus/machine/command.hpp"
#include "consensus/machine/outcome.hpp"
#include "consensus/machine/types.hpp"

namespace matriarch::consensus::machine {

// The newest commands this program understands.
inline constexpr std::uint32_t kFeatureLevel = 2;

// What one command did.
struct Applied {
  Step step = 0;
  Outcome outcome;
  std::vector<Event> events = {};  // all of outcome.revision; empty when no key changed
  // Leases whose time starts anew with this step, and leases that are gone: what a LeaseClock needs to know.
  std::vector<LeaseId> leases_alive = {};
  std::vector<LeaseId> leases_gone = {};
  bool repeated = false;  // answered from memory: nothing was done this time
};

class Machine {
 public:
  explicit Machine(Limits limits = {}) : limits_(limits) {}

  // Carries the command out. A refused command changes nothing but the count of steps (and is remembered for its
  // origin like any other).
  Applied apply(const Command& command);

  // Reads of the present state. A transaction that could write is refused (kUnsupported).
  tl::expected<RangeOutcome, Refusal> range(const RangeRequest& request) const;
  tl::expected<TransactionOutcome, Refusal> read(const Transaction& transaction) const;
  Stored find(std::string_view key) const;  // null when absent
  const Lease* find_lease(LeaseId id) const;

  Revision revision() const { return revision_; }
  Step step() const { return step_; }
  std::uint64_t cluster_id() const { return cluster_id_; }
  std::uint32_t feature_level() const { return feature_level_; }
  const std::map<LeaseId, Lease>& leases() const { return leases_; }
  const std::map<std::uint64_t, Node>& nodes() const { return nodes_; }
  std::size_t key_count() const { return keys_.size(); }
  std::size_t bytes() const { return bytes_; }  // of keys and values
  const Limits& limits() const { return limits_; }

  // The changes of revisions >= `from`, oldest first; empty when there are none yet. kCompacted when some of them
  // are no longer remembered: the watcher must read anew.
  tl::expected<std::vector<Change>, Refusal> changes_since(Revision from) const;
  // The newest revision whose events are forgotten.
  Revision compacted_revision() const { return compacted_; }

  // The whole state as bytes, with version and checksum; equal states give equal bytes. from_snapshot() of anything
  // else than such bytes is an error that says what is wrong, never a crash or a half-read state.
  std::string snapshot() const;
  static tl::expected<Machine, std::string> from_snapshot(std::string_view bytes, Limits limits = {});

 private:
  struct Client {
    Step last_used = 0;
    std::uint64_t forgotten = 0;  // answers of sequences up to here are no longer remembered
    std::map<std::uint64_t, std::optional<Outcome>> outcomes = {};  // nullopt: too long to remember
  };
  struct Writing;  // one command at work: the events it makes
  struct Demand;   // the room it needs

  tl::expected<Answer, Refusal> carry_out(const Transaction& transaction, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const GrantLease& grant, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const KeepAlive& alive, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const RevokeLease& revoke, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const ExpireLease& expire, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const Compact& compact, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const SetClusterId& set, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const SetFeatureLevel& set, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const SetNode& set, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const RemoveNode& remove, Applied& applied);
  tl::expected<Answer, Refusal> carry_out(const RestoreKeys& restore, Applied& applied);

  // Which branch of each (nested) transaction is taken, in the order they are met.
  void choose_branches(const Transaction& transaction, std::vector<bool>& chosen) const;
  tl::expected<void, Refusal> check_branches(const Transaction& transaction, const std::vector<bool>& chosen,
                                             std::size_t& next, Demand& demand) const;
  TransactionOutcome run(const Transaction& transaction, const std::vector<bool>& chosen, std::size_t& next,
                         Writing& writing);
  TransactionOutcome look(const Transaction& transaction, const std::vector<bool>& chosen, std::size_t& next) const;
  bool holds(const Compare& compare) const;
  RangeOutcome select(const RangeRequest& request) const;

  Stored write(const PutRequest& request, Writing& writing);
  Stored remove(std::string_view key, Writing& writing);
  void drop_lease(LeaseId id, Applied& applied);
  void finish(Writing writing, Applied& applied);
  void detach(const std::string& key, LeaseId lease);
  void remember(Change change);
  void forget_until(Revision revision);
  std::optional<Outcome> recall(Origin origin);
  void remember(Origin origin, const Outcome& outcome);

  Limits limits_;
  Revision revision_ = 1;
  Step step_ = 0;
  std::uint64_t cluster_id_ = 0;
  std::uint32_t feature_level_ = 1;
  std::map<std::string, Stored, std::less<>> keys_;
  std::size_t bytes_ = 0;
  std::map<LeaseId, Lease> leases_;
  std::map<std::uint64_t, Node> nodes_;
  std::deque<Change> history_;
  std::size_t history_events_ = 0;
  std::size_t history_bytes_ = 0;
  Revision compacted_ = 0;
  std::map<std::uint64_t, Client> clients_;
};

}  // namespace matriarch::consensus::machine
