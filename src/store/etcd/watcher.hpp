// Keeps a view up to date: one linearizable read, then a watch from the revision after it. Nothing is read on a timer.
//
// A watch that says nothing for half of the silence bound is opened again from where it stood, at the same server or
// another one. So a server that hangs is noticed within the bound although it keeps its connections open, and a quiet
// cluster costs one small request in that time (a server that sends progress notes more often costs none).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "model/time.hpp"
#include "ports/store.hpp"
#include "store/etcd/client.hpp"
#include "store/etcd/view.hpp"

namespace matriarch::store::etcd {

class Watcher : public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(std::shared_ptr<Client> client, std::string prefix, model::Milliseconds silence_bound);

  void start();
  void stop();
  void set_silence_bound(model::Milliseconds bound) { silence_bound_ = bound; }
  void on_change(std::function<void()> callback) { changed_ = std::move(callback); }

  bool connected() const { return connected_; }
  std::shared_ptr<const model::Cluster> snapshot() const { return view_.snapshot(); }

  // A linearizable read into the view.
  boost::asio::awaitable<ports::StoreResult<std::shared_ptr<const model::Cluster>>> read(Deadline deadline);

  // What the answer to a write of our own told about a key.
  void saw(const KeyValue& record);
  void saw_absent(const std::string& key, std::int64_t revision);

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> follow();
  boost::asio::awaitable<void> rest_after(Clock::time_point began);
  bool take(const WatchMessage& message);
  void set_connected(bool connected);
  void tell();

  std::shared_ptr<Client> client_;
  std::string prefix_;
  model::Milliseconds silence_bound_;
  View view_;
  std::uint64_t cluster_id_ = 0;  // whose records the view has
  bool connected_ = false, stopped_ = false, must_read_ = true;
  std::chrono::milliseconds pause_{0};
  boost::asio::steady_timer rest_;
  std::function<void()> changed_;
  std::shared_ptr<const model::Cluster> told_;
  bool told_connected_ = false;
};

}  // namespace matriarch::store::etcd
