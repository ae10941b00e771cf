// The store: the cluster's records, and the lease.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/cluster.hpp"
#include "model/decision.hpp"
#include "model/lease.hpp"
#include "model/names.hpp"
#include "model/time.hpp"

namespace matriarch::ports {

enum class StoreFailure {
  kUnreachable,  // no usable answer, and the request is known not to have been processed
  kUnknown,      // the answer was lost: the write may have happened. Resolve by a linearizable read
  kLost,         // the session or the leader key is not ours any more
  kConflict,     // a condition did not hold (version, must-be-absent)
  kRejected,     // the store refuses for another reason: permission, size, quota
};
struct StoreError {
  StoreFailure failure = StoreFailure::kUnreachable;
  std::string what;
};
template <typename T>
using StoreResult = model::Result<T, StoreError>;

// The cluster's records. Used on the agent's executor.
class Store {
 public:
  virtual ~Store() = default;

  // The watch-fed view: the last complete one, even while the store is unreachable. Null before the first read.
  virtual std::shared_ptr<const model::Cluster> view() const = 0;
  // The watch is alive (events or progress within its bound), so the view is not older than that bound.
  virtual bool connected() const = 0;
  // Called on the agent's executor whenever view() or connected() changed. One subscriber.
  virtual void on_change(std::function<void()> callback) = 0;

  // A linearizable read; also replaces the view if it is newer.
  virtual boost::asio::awaitable<StoreResult<std::shared_ptr<const model::Cluster>>> read(model::Milliseconds timeout) = 0;

  // Writes. Each returns the revision of the write; the adapter applies it to view() before it returns, so that the
  // writer never sees an older view than its own write. kUnknown is possible for each of them.
  // Text "" is bound to the session (it vanishes with it), a system identifier is permanent.
  virtual boost::asio::awaitable<StoreResult<model::Revision>> create_initialize(std::string text, model::SessionToken session, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> set_initialize(std::string system_id, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> cancel_initialize(model::Milliseconds timeout) = 0;
  // `expected`: compare-and-swap on that revision (absent = must not exist); nothing = unconditional.
  virtual boost::asio::awaitable<StoreResult<model::Revision>> write_config(boost::json::object document, std::optional<model::Revision> expected, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> publish_member(model::MemberName name, boost::json::object document, model::SessionToken session, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> delete_member(model::MemberName name, model::Milliseconds timeout) = 0;
  // status and failsafe: one transaction guarded by "leader is still `leader`"; kConflict when it is not.
  virtual boost::asio::awaitable<StoreResult<model::Revision>> write_status(model::StatusKey status, model::MemberName leader, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> write_failsafe(std::map<model::MemberName, std::string> members, model::MemberName leader, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> write_sync(model::WriteSync write, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> delete_sync(model::Revision expected, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<model::Revision>> write_failover(boost::json::object document, std::optional<model::Revision> expected, model::Milliseconds timeout) = 0;  // {} clears
  virtual boost::asio::awaitable<StoreResult<model::Revision>> write_history(std::vector<model::HistoryLine> lines, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<void>> delete_cluster(model::Milliseconds timeout) = 0;
};

struct SessionGrant {
  model::SessionToken session;
  model::Milliseconds ttl_granted{0};
};

// The lease, over a connection of its own. Used on the keeper's executor only. `timeout` bounds every call.
class LeaseStore {
 public:
  virtual ~LeaseStore() = default;
  virtual boost::asio::awaitable<StoreResult<SessionGrant>> open_session(model::Milliseconds ttl, model::Milliseconds timeout) = 0;
  // Keeps the session alive. With `holding`, success also means: the leader key is `me` under this session.
  // kLost: the session, or the leader key, is definitely not ours.
  virtual boost::asio::awaitable<StoreResult<SessionGrant>> renew(model::SessionToken session, model::MemberName me, bool holding, model::Milliseconds timeout) = 0;
  // Create-if-absent of the leader key, in one transaction with the guards (revisions of /sync and /failover the decision
  // was based on). A leader key that already carries our name is bound to this session (an agent that was restarted).
  // Returns the revision of the leader key (the lease's term). kConflict: somebody holds it, or a guard moved.
  virtual boost::asio::awaitable<StoreResult<model::Revision>> acquire(model::SessionToken session, model::MemberName me, model::AcquireLease guards, model::Milliseconds timeout) = 0;
  // Deletes the leader key if it is ours under any session of ours. Success also when it is gone already.
  virtual boost::asio::awaitable<StoreResult<void>> release(model::MemberName me, model::Milliseconds timeout) = 0;
  virtual boost::asio::awaitable<StoreResult<void>> close_session(model::SessionToken session, model::Milliseconds timeout) = 0;
};

}  // namespace matriarch::ports
