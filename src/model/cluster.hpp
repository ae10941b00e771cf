// The cluster as one consistent read of the store shows it.
//
// Content of the store is never trusted: parsing yields "absent" or a default, never an error
// (docs/invariants.md S24). Field names and formats are Patroni's.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/lsn.hpp"
#include "model/names.hpp"
#include "model/time.hpp"

namespace matriarch::model {

// Tags as their owner published them, with the two derived values that rules use.
struct Tags {
  boost::json::object custom;  // everything as configured or read, built-in tags included
  bool nofailover() const;         // tag, else failover_priority <= 0
  int failover_priority() const;   // 0 when nofailover; default 1
  bool nosync() const;             // tag, else sync_priority <= 0
  int sync_priority() const;       // 0 when nosync; default 1
  bool noloadbalance() const;
  bool clonefrom() const;
  bool nostream() const;
  std::optional<MemberName> replicatefrom() const;
  bool operator==(const Tags&) const = default;
};

struct Member {
  MemberName name;
  Revision revision;
  std::int64_t session = 0;   // the store session (etcd: lease) that keeps the key alive
  std::string conn_url;       // postgres://host:port/db, empty if unknown
  std::string api_url;        // http(s)://host:port/patroni, empty if unknown
  std::string state = "unknown";
  std::string role;           // "master" is read as "primary"
  std::string version;
  Tags tags;
  Lsn lsn;                    // xlog_location
  Timeline timeline;
  bool checkpoint_after_promote_done = true;  // false only while "checkpoint_after_promote": false is published
  bool paused = false;
  boost::json::object data;   // the whole document
  bool is_running() const { return state == "running"; }
  bool operator==(const Member&) const = default;
};

struct LeaderKey {
  MemberName name;
  Revision revision;
  std::int64_t session = 0;
  bool operator==(const LeaderKey&) const = default;
};

struct ConfigKey {
  boost::json::object document;  // empty when the value was not a JSON object
  bool valid = false;            // a non-empty JSON object
  Revision revision;
  bool operator==(const ConfigKey&) const = default;
};

// "/status"; also read from the legacy "/optime/leader".
struct StatusKey {
  Lsn optime;
  std::map<std::string, Lsn> slots;       // slot name -> position
  std::vector<std::string> retain_slots;  // sorted
  bool operator==(const StatusKey&) const = default;
};

// A request for switchover (leader given) or failover (only candidate). Present only if one of both is not empty.
struct FailoverKey {
  MemberName leader;
  MemberName candidate;
  std::optional<WallTime> scheduled_at;
  std::string schedule;              // the same in the words, and the time zone, of whoever asked
  bool schedule_unreadable = false;  // scheduled_at could not be parsed: no request, to be cleared by the leader
  Revision revision;
  bool is_switchover() const { return !leader.empty(); }
  bool operator==(const FailoverKey&) const = default;
};

struct SyncKey {
  MemberName leader;               // empty: synchronous replication is not active
  std::set<MemberName> voters;     // "sync_standby"
  int quorum = 0;
  Revision revision;               // kept even when the value is unreadable, for compare-and-swap
  bool active() const { return !leader.empty(); }
  bool is_voter(const MemberName& name) const;            // without case
  bool is_leader_or_voter(const MemberName& name) const;  // without case
  bool operator==(const SyncKey&) const = default;
};

struct HistoryLine {
  Timeline timeline;
  Lsn lsn;
  std::string reason;
  std::string timestamp;   // ISO 8601, empty if not known
  std::string new_leader;  // empty if not known
  bool operator==(const HistoryLine&) const = default;
};

struct HistoryKey {
  std::vector<HistoryLine> lines;
  bool is_empty_list = false;  // the value is exactly "[]": timeline 1
  Revision revision;
  bool operator==(const HistoryKey&) const = default;
};

struct Cluster {
  std::optional<std::string> initialize;  // absent; "" = bootstrap under way; else the system identifier
  Revision initialize_revision;
  std::int64_t initialize_session = 0;    // the store session that "" is bound to: whose bootstrap it is; 0 = none
  std::optional<ConfigKey> config;
  std::optional<LeaderKey> leader;        // absent also for an empty value
  StatusKey status;
  std::map<MemberName, Member> members;
  std::optional<FailoverKey> failover;
  Revision failover_revision;             // of the key, request or not ("{}"): the guard of a decision that saw no request
  SyncKey sync;
  std::optional<HistoryKey> history;
  std::optional<std::map<MemberName, std::string>> failsafe;  // name -> api_url
  Revision revision;                      // of the whole view: grows with every change of the store

  bool is_unlocked() const { return !leader; }
  bool is_led_by(const MemberName& name) const { return leader && leader->name == name; }
  const Member* find(const MemberName& name) const;
  const Member* leader_member() const;    // null when there is no leader, or it has no member key
  std::optional<SystemId> system_id() const;  // only a valid one
  Timeline timeline() const;              // from the history: 0 unknown, 1 for "[]", else last line + 1
  bool operator==(const Cluster&) const = default;
};

// Whether the two views differ in nothing but positions: what members and the leader write once a loop_wait. No decision
// waits for these; whoever needs one asks for it.
bool differ_only_in_positions(const Cluster& a, const Cluster& b);

}  // namespace matriarch::model
