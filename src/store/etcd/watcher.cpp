#include "store/etcd/watcher.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>

#include "model/json_text.hpp"

namespace matriarch::store::etcd {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirstRest = 20ms;
constexpr std::chrono::milliseconds kLongestRest = 1'000ms;
// A watch that lived that long, or as long as one may be silent, was a good one: the next follows it at once.
constexpr std::chrono::milliseconds kGoodLife = 1'000ms;

}  // namespace

Watcher::Watcher(std::shared_ptr<Client> client, std::string prefix, model::Milliseconds silence_bound)
    : client_(std::move(client)), prefix_(prefix), silence_bound_(silence_bound), view_(std::move(prefix)), rest_(client_->executor()) {}

void Watcher::start() {
  asio::co_spawn(client_->executor(), run(), asio::detached);
}

void Watcher::stop() {
  stopped_ = true;
  changed_ = nullptr;
  client_->close();
  rest_.cancel();
}

asio::awaitable<void> Watcher::run() {
  const auto self = shared_from_this();
  while (!stopped_) {
    const auto began = Clock::now();
    if (must_read_) {
      const auto read_in = co_await read(began + silence_bound_ / 2);
      must_read_ = !read_in;
    }
    if (stopped_) break;
    if (must_read_) {
      set_connected(false);
    } else {
      co_await follow();
    }
    co_await rest_after(began);
  }
}

asio::awaitable<void> Watcher::rest_after(Clock::time_point began) {
  const auto good_life = std::min(kGoodLife, silence_bound_ / 2);
  pause_ = Clock::now() - began >= good_life ? 0ms : std::clamp(pause_ * 2, kFirstRest, kLongestRest);
  if (stopped_ || pause_ == 0ms) co_return;
  boost::system::error_code stopped_meanwhile;
  rest_.expires_after(pause_);
  co_await rest_.async_wait(asio::redirect_error(asio::use_awaitable, stopped_meanwhile));
}

asio::awaitable<void> Watcher::follow() {
  const auto self = shared_from_this();
  Client::OnMessage on_message = [self](const boost::json::object& message) { return self->take(watch_message_of(message)); };
  const auto patience = silence_bound_ / 2;
  // Two notes may be late before the watch is given up.
  Request request{.path = "/watch", .body = model::write_json(watch_prefix(prefix_, view_.complete_to() + 1, patience * 3 / 4)), .repeatable = true};
  const auto end = co_await client_->stream(std::move(request), std::move(on_message), patience, patience);
  if (!end.opened) set_connected(false);
}

bool Watcher::take(const WatchMessage& message) {
  if (stopped_) return false;
  if (message.canceled || client_->cluster_id() != cluster_id_) {
    must_read_ = true;
    return false;
  }
  std::int64_t delivered = 0;
  for (const WatchEvent& event : message.events) delivered = std::max(delivered, event.kv.mod_revision);
  for (const WatchEvent& event : message.events) view_.apply(event);
  // Without events the server says how far it has looked; when the watch is created it has not looked yet.
  if (message.events.empty() && !message.created) delivered = message.header.revision;
  view_.advance(delivered);
  connected_ = true;
  tell();
  return !stopped_;
}

asio::awaitable<ports::StoreResult<std::shared_ptr<const model::Cluster>>> Watcher::read(Deadline deadline) {
  const auto self = shared_from_this();
  const std::int64_t known_when_sent = view_.complete_to();
  Request request{.path = "/kv/range", .body = model::write_json(range_of_prefix(prefix_)), .repeatable = true};
  const auto answer = co_await client_->call(std::move(request), deadline);
  if (!answer) {
    auto error = store_error(answer.error());
    if (error.failure == ports::StoreFailure::kUnknown) error.failure = ports::StoreFailure::kUnreachable;  // a read has no effect
    co_return tl::unexpected(error);
  }
  // The revisions of another cluster compare with nothing.
  const bool is_another = cluster_id_ != client_->cluster_id();
  cluster_id_ = client_->cluster_id();
  view_.load(key_values_of(*answer), header_of(*answer).revision, is_another ? std::numeric_limits<std::int64_t>::max() : known_when_sent);
  tell();
  co_return view_.snapshot();
}

void Watcher::saw(const KeyValue& record) {
  view_.saw(record);
  tell();
}

void Watcher::saw_absent(const std::string& key, std::int64_t revision) {
  view_.saw_absent(key, revision);
  tell();
}

void Watcher::set_connected(bool connected) {
  connected_ = connected;
  tell();
}

void Watcher::tell() {
  auto now = view_.snapshot();
  if (now == told_ && connected_ == told_connected_) return;
  told_ = std::move(now);
  told_connected_ = connected_;
  if (changed_) changed_();
}

}  // namespace matriarch::store::etcd
