// The watch stream: one create_request, then a line of JSON for every change, as etcd's gateway writes them. A watcher
// has no queue of its own: it reads the machine's history from where it is, and who falls behind the history is told
// "compacted" and reads anew.
#include <algorithm>

#include "consensus/server/call.hpp"
#include "consensus/server/translate.hpp"

namespace matriarch::consensus::server {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace machine;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto kProgressInterval = 10s;
constexpr std::int64_t kLeastProgressMs = 100;

std::string line(json::object result) {
  const json::object body{{"result", std::move(result)}};
  return json::serialize(body) + "\n";
}

json::array events_of(const Change& change, const WatchRequest& request) {
  json::array events;
  for (const auto& event : change.events) {
    const bool wanted = event.type == Event::Type::kPut ? request.puts : request.deletes;
    if (wanted && request.keys.contains(event.now->key)) events.push_back(to_json(event, request.prev_kv));
  }
  return events;
}

Clock::duration progress_interval(const WatchRequest& request) {
  if (request.progress_interval_ms == 0) return kProgressInterval;
  return std::chrono::milliseconds(std::clamp<std::int64_t>(request.progress_interval_ms, kLeastProgressMs, 3'600'000));
}

}  // namespace

// A node that knows no leader may be behind everybody: whoever begins to watch there would take old news for all there is.
asio::awaitable<bool> Api::await_leader(Moment deadline) {
  while (node_.status().leader_id == 0 && Clock::now() < deadline) co_await node_.leadership().wait_until(deadline);
  co_return node_.status().leader_id != 0;
}

asio::awaitable<void> Api::watch(Call& call, net::ChunkWriter& writer) {
  const auto fields = call.fields();
  const auto* create = fields.object("create_request");
  if (create == nullptr && !call.error) call.error = "create_request expected";
  std::optional<WatchRequest> request;
  if (create != nullptr) request = watch_request(JsonFields(*create, call.error));
  if (request && request->keys.key.empty()) call.error = "etcdserver: key is not provided";
  net::HttpResponse head{.status = 200, .headers = {{"Content-Type", "application/json"}}};
  if (!co_await writer.start(std::move(head))) co_return;

  const auto result = [&](Revision revision) {
    json::object object{{"header", header(revision)}};
    if (request) put_number(object, "watch_id", request->watch_id);
    return object;
  };
  if (call.error) {
    auto refused = result(node_.machine().revision());
    refused["created"] = true;
    refused["canceled"] = true;
    refused["watch_id"] = "-1";
    refused["cancel_reason"] = *call.error;
    co_await writer.write(line(std::move(refused)));
    co_return;
  }
  auto created = result(node_.machine().revision());
  created["created"] = true;
  Revision next = request->start_revision > 0 ? request->start_revision : node_.machine().revision() + 1;
  if (!co_await writer.write(line(std::move(created)))) co_return;

  const auto interval = progress_interval(*request);
  auto next_progress = Clock::now() + interval;
  for (;;) {
    const auto changes = node_.machine().changes_since(next);
    if (!changes) {
      auto canceled = result(node_.machine().revision());
      canceled["canceled"] = true;
      put_number(canceled, "compact_revision", node_.machine().compacted_revision());
      canceled["cancel_reason"] = "etcdserver: mvcc: required revision has been compacted";
      co_await writer.write(line(std::move(canceled)));
      co_return;
    }
    for (const auto& change : *changes) {
      next = change.revision + 1;
      auto events = events_of(change, *request);
      if (events.empty()) continue;
      auto news = result(change.revision);
      news["events"] = std::move(events);
      if (!co_await writer.write(line(std::move(news)))) co_return;
      next_progress = Clock::now() + interval;
    }
    if (!changes->empty()) continue;  // more may have come while the client took these
    if (Clock::now() >= next_progress) {
      next_progress = Clock::now() + interval;
      // Silence is how a watcher learns that this node knows nothing new: without a leader there is no progress.
      if (request->progress_notify && node_.status().leader_id != 0) {
        if (!co_await writer.write(line(result(node_.machine().revision())))) co_return;
        continue;
      }
    }
    co_await node_.changes().wait_until(next_progress);
  }
}

}  // namespace matriarch::consensus::server
