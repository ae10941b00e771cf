#include "rest/actions.hpp"

#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "rest/handover.hpp"
#include "rest/node_status.hpp"

namespace matriarch::rest {

namespace asio = boost::asio;
using ports::Reply;
using ports::Request;

namespace {

constexpr model::Milliseconds kForStore{10'000};     // beyond the agent's own retry_timeout at its defaults
constexpr model::Milliseconds kForFailsafe{900};     // the sender waits 2 s, and its lease is running out
constexpr model::Milliseconds kForPeers{2'000};
constexpr model::Milliseconds kForStopping{120'000};

Answer plain(Reply reply) { return text(static_cast<unsigned>(reply.status), std::move(reply.text)); }

Answer as_page(const Reply& reply) { return page(static_cast<unsigned>(reply.status), reply.text); }

model::Milliseconds patience_with_store(const Reading& reading) { return reading.dynamic().timing.retry_timeout * 2 + kForStore; }

// Until the server is up again: its stop, its start, and a synchronous standby's withdrawal before that.
model::Milliseconds patience_with_restart(const RestartOrder& order, const Reading& reading) {
  const auto& dynamic = reading.dynamic();
  const model::Milliseconds start = order.timeout ? model::Milliseconds(*order.timeout) : dynamic.primary_start_timeout;
  return start + kForStopping + 2 * dynamic.timing.loop_wait;
}

std::optional<Answer> refuse_reinitialize(const Reading& reading) {
  const auto* cluster = reading.cluster();
  if (!cluster) return no_store();
  if (cluster->is_unlocked()) return text(503, "Cluster has no leader, can not reinitialize");
  if (cluster->is_led_by(reading.settings->name)) return text(503, "I am the leader, can not reinitialize");
  return std::nullopt;
}

bool runs_as_primary(const Reading& reading) {
  const auto& node = *reading.postgres;
  return node.state == model::PostgresState::kRunning && node.role == model::PostgresRole::kPrimary;
}

}  // namespace

asio::awaitable<Answer> Actions::answer(Route route, net::HttpRequest request) {
  switch (route) {
    case Route::kPostRestart: co_return co_await restart(std::move(request));
    case Route::kDeleteRestart: co_return co_await unschedule_restart();
    case Route::kPostSwitchover: co_return co_await hand_over(std::move(request), true);
    case Route::kPostFailover: co_return co_await hand_over(std::move(request), false);
    case Route::kDeleteSwitchover: co_return co_await delete_switchover();
    case Route::kReinitialize: co_return co_await reinitialize(std::move(request));
    case Route::kReload: co_return co_await reload();
    case Route::kSigterm: co_return text(202, "shutdown scheduled");  // Patroni's switch for Windows developers: no effect here
    case Route::kPostFailsafe: co_return co_await failsafe(std::move(request));
    case Route::kPatchConfig: co_return co_await patch_config(std::move(request));
    case Route::kPutConfig: co_return co_await put_config(std::move(request));
    case Route::kMpp: {
      const auto body = required_object(request);
      if (!body) co_return body.error();
      const auto checked = check_mpp_event(*body);
      co_return checked ? text(200, "OK") : checked.error();
    }
    default: co_return not_supported(request.method);
  }
}

asio::awaitable<Answer> Actions::restart(net::HttpRequest request) {
  const Reading reading = readings_.now();
  const auto body = optional_object(request);
  if (!body) co_return body.error();
  if (!reading.cluster()) co_return no_store();
  auto order = check_restart(*body, reading.dynamic().pause, reading.wall_now);
  if (!order) co_return order.error();
  Request posted{.kind = Request::Kind::kRestart, .body = order->filters};
  model::Milliseconds limit = patience_with_restart(*order, reading);
  if (order->schedule) {
    posted.kind = Request::Kind::kScheduleRestart;
    posted.body["schedule"] = order->schedule->text;
    posted.body["schedule_us"] = order->schedule->at.time_since_epoch().count();
    limit = kForStore;
  }
  Reply reply = co_await courier_.ask(std::move(posted), limit);
  co_return plain(std::move(reply));
}

asio::awaitable<Answer> Actions::unschedule_restart() {
  Request posted{.kind = Request::Kind::kUnscheduleRestart};
  Reply reply = co_await courier_.ask(std::move(posted), kForStore);
  co_return plain(std::move(reply));
}

// The refusal when the store or the members themselves say that there is nobody to hand over to.
asio::awaitable<std::optional<Answer>> Actions::find_no_candidate(HandoverOrder order, Reading reading) {
  const auto asked = candidates_to_ask(order, *reading.cluster(), reading.dynamic());
  if (!asked) co_return asked.error();
  std::map<model::MemberName, model::PeerStatus> answers;
  std::function<void(model::MemberName, model::PeerStatus)> note = [&](model::MemberName name, model::PeerStatus status) {
    answers[std::move(name)] = std::move(status);
  };
  co_await peers_.poll(*asked, kForPeers, note);
  co_return refuse_without_candidate(order, answers);
}

asio::awaitable<Answer> Actions::hand_over(net::HttpRequest request, bool asked_as_switchover) {
  const auto body = required_object(request);
  if (!body) co_return body.error();
  const Reading reading = readings_.now();
  if (!reading.cluster()) co_return no_store();
  const auto order = check_handover(*body, asked_as_switchover, reading.dynamic().pause, reading.wall_now);
  if (!order) co_return order.error();
  journal_.log(ports::Level::kInfo, fmt::format("received {} request with leader={} candidate={} scheduled_at={}", order->action(), order->leader,
                                                order->candidate, order->schedule ? order->schedule->text : "None"));
  if (order->is_switchover && !asked_as_switchover) {
    journal_.log(ports::Level::kWarning, "received failover request with leader specified - performing switchover instead");
  }
  if (!order->schedule) {
    const auto refused = co_await find_no_candidate(*order, reading);
    if (refused) co_return *refused;
  }
  const auto before = reading.snapshot->seen.store.cluster;
  Request posted{.kind = Request::Kind::kWriteFailover, .body = order->key()};
  const Reply reply = co_await courier_.ask(std::move(posted), patience_with_store(reading));
  if (reply.status != 200) co_return text(503, "failed to write failover key into DCS");
  if (order->schedule) co_return text(202, "Switchover scheduled");
  co_return co_await await_outcome(*order, before);
}

// The view in which the request was written is not judged: only one in which the key has changed since.
asio::awaitable<Answer> Actions::await_outcome(HandoverOrder order, std::shared_ptr<const model::Cluster> before) {
  const auto limit = patience(readings_.now().dynamic());
  const auto deadline = readings_.now().now + limit;
  while (true) {
    const Reading reading = readings_.now();
    const auto* cluster = reading.cluster();
    if (cluster && cluster->failover_revision != before->failover_revision) {
      if (auto end = outcome(order, *before, *cluster)) co_return *end;
    }
    if (reading.now >= deadline) co_return outcome_unknown(order, limit);
    co_await published_.wait(std::chrono::ceil<model::Milliseconds>(deadline - reading.now));
  }
}

asio::awaitable<Answer> Actions::delete_switchover() {
  const Reading reading = readings_.now();
  const auto* cluster = reading.cluster();
  if (!cluster) co_return no_store();
  if (!cluster->failover || !cluster->failover->scheduled_at) co_return text(404, "no switchover is scheduled");
  Request posted{.kind = Request::Kind::kWriteFailover, .body = {}, .expected = cluster->failover_revision};
  const Reply reply = co_await courier_.ask(std::move(posted), patience_with_store(reading));
  co_return reply.status == 200 ? text(200, "scheduled switchover deleted") : as_page(reply);
}

asio::awaitable<Answer> Actions::reinitialize(net::HttpRequest request) {
  const auto body = optional_object(request);
  if (!body) co_return body.error();
  const Reading reading = readings_.now();
  if (auto refused = refuse_reinitialize(reading)) co_return *refused;
  const auto order = read_reinitialize(*body);
  Request posted{.kind = Request::Kind::kReinitialize};
  posted.body["force"] = order.force;
  posted.body["from-leader"] = order.from_leader;
  Reply reply = co_await courier_.ask(std::move(posted), kForStopping);
  co_return plain(std::move(reply));
}

asio::awaitable<Answer> Actions::reload() {
  Request posted{.kind = Request::Kind::kReload};
  Reply reply = co_await courier_.ask(std::move(posted), kForStore);
  co_return plain(std::move(reply));
}

asio::awaitable<Answer> Actions::failsafe(net::HttpRequest request) {
  const Reading reading = readings_.now();
  if (!reading.dynamic().failsafe_mode) co_return page(502, "failsafe_mode is not enabled");
  const auto body = required_object(request);
  if (!body) co_return body.error();
  if (runs_as_primary(reading)) co_return text(500, "Running as a leader");
  const auto checked = check_failsafe(*body);
  if (!checked) co_return checked.error();
  Request posted{.kind = Request::Kind::kFailsafe, .body = *checked};
  Reply reply = co_await courier_.ask(std::move(posted), kForFailsafe);
  const auto lsn = reply.lsn;
  Answer answer = plain(std::move(reply));
  if (lsn) answer.headers.push_back({"lsn", fmt::format("{}", *lsn)});
  co_return answer;
}

// Judged by the document as last seen: the agent merges into a fresh one, which a change in between cannot make worse than
// either change alone.
std::optional<Answer> Actions::refuse_config(const Reading& reading, const boost::json::object& body, bool is_patch) const {
  const auto* cluster = reading.cluster();
  if (!refuse_config_ || !cluster) return std::nullopt;
  const bool has_document = cluster->config && cluster->config->valid;
  const boost::json::object before = has_document ? cluster->config->document : boost::json::object{};
  boost::json::object after = is_patch ? before : body;
  if (is_patch) model::merge_patch(after, body);
  const auto why = refuse_config_(*reading.settings, before, after);
  return why ? std::optional(page(400, *why)) : std::nullopt;
}

asio::awaitable<Answer> Actions::patch_config(net::HttpRequest request) {
  auto body = required_object(request);
  if (!body) co_return body.error();
  if (auto refused = refuse_config(readings_.now(), *body, true)) co_return *refused;
  Request posted{.kind = Request::Kind::kPatchConfig, .body = std::move(*body)};
  const Reply reply = co_await courier_.ask(std::move(posted), patience_with_store(readings_.now()));
  co_return reply.status == 200 && reply.document ? document(200, *reply.document) : as_page(reply);
}

asio::awaitable<Answer> Actions::put_config(net::HttpRequest request) {
  auto body = required_object(request);
  if (!body) co_return body.error();
  const Reading reading = readings_.now();
  const auto* cluster = reading.cluster();
  if (!cluster) co_return no_store();
  if (cluster->config && cluster->config->valid && model::same_configuration(cluster->config->document, *body)) co_return document(200, *body);
  if (auto refused = refuse_config(reading, *body, false)) co_return *refused;
  Request posted{.kind = Request::Kind::kPutConfig, .body = *body};
  const Reply reply = co_await courier_.ask(std::move(posted), patience_with_store(reading));
  co_return reply.status == 200 ? document(200, *body) : page(502, reply.text);
}

}  // namespace matriarch::rest
