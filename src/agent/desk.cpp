#include "agent/desk.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "agent/keeper.hpp"
#include "agent/unexpected.hpp"
#include "model/json_merge.hpp"

namespace matriarch::agent {

namespace asio = boost::asio;
using model::OperatorWish;
using ports::Reply;
using ports::Request;

namespace {

// Wishes that wait for a rule. More would mean that the loop does not run.
constexpr std::size_t kMaxWishes = 32;

std::string text_of(const boost::json::object& document, std::string_view key) {
  const auto* value = document.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

bool is_true(const boost::json::object& document, std::string_view key) {
  const auto* value = document.if_contains(key);
  return value && value->is_bool() && value->as_bool();
}

Reply failure_reply(const ports::StoreError& error) {
  const bool raced = error.failure == ports::StoreFailure::kConflict;
  return {.status = raced ? 409 : 503, .text = error.what};
}

}  // namespace

void Desk::receive(Request request, Answer answer) {
  switch (request.kind) {
    case Request::Kind::kRestart: return make_wish(OperatorWish::Kind::kRestart, request, std::move(answer));
    case Request::Kind::kScheduleRestart: return make_wish(OperatorWish::Kind::kScheduleRestart, request, std::move(answer));
    case Request::Kind::kUnscheduleRestart: return make_wish(OperatorWish::Kind::kUnscheduleRestart, request, std::move(answer));
    case Request::Kind::kReinitialize: return make_wish(OperatorWish::Kind::kReinitialize, request, std::move(answer));
    case Request::Kind::kReload:
      if (reload_) reload_();
      return answer({.status = 202, .text = "reload scheduled"});
    case Request::Kind::kFailsafe: return receive_failsafe(request.body, answer);
    case Request::Kind::kWriteFailover:
      asio::co_spawn(executor_, write_failover(std::move(request.body), request.expected, std::move(answer)), EndsTheAgent{});
      return;
    case Request::Kind::kPatchConfig:
    case Request::Kind::kPutConfig: {
      const bool patch = request.kind == Request::Kind::kPatchConfig;
      asio::co_spawn(executor_, write_config(std::move(request.body), patch, std::move(answer)), EndsTheAgent{});
      return;
    }
    case Request::Kind::kWake:
      notify_("woken");
      return answer({});
  }
}

void Desk::make_wish(OperatorWish::Kind kind, const Request& request, Answer answer) {
  if (wishes_.size() >= kMaxWishes) return answer({.status = 503, .text = "too many requests are waiting"});
  OperatorWish wish{.kind = kind, .id = next_id_++, .body = request.body};
  wish.force = is_true(request.body, "force");
  wish.from_leader = is_true(request.body, "from-leader");
  answers_.emplace(wish.id, std::move(answer));
  wishes_.push_back(std::move(wish));
  notify_("operator request");
}

void Desk::answer(std::uint64_t id, int status, std::string text) {
  std::erase_if(wishes_, [&](const OperatorWish& wish) { return wish.id == id; });
  const auto found = answers_.find(id);
  if (found == answers_.end()) return;
  const Answer reply = std::move(found->second);
  answers_.erase(found);
  reply({.status = status, .text = std::move(text)});
}

Desk::Answer Desk::take(OperatorWish::Kind kind) {
  const auto wish = std::find_if(wishes_.begin(), wishes_.end(), [&](const OperatorWish& w) { return w.kind == kind; });
  if (wish == wishes_.end()) return nullptr;
  const auto found = answers_.find(wish->id);
  Answer answer = found == answers_.end() ? nullptr : std::move(found->second);
  if (found != answers_.end()) answers_.erase(found);
  wishes_.erase(wish);
  return answer;
}

// A running primary never agrees to another one's failsafe round; a document without an identity changes nothing.
void Desk::receive_failsafe(const boost::json::object& document, const Answer& answer) {
  if (!settings_->dynamic.failsafe_mode) return answer({.status = 502, .text = "failsafe mode is disabled"});
  const auto node = world_.postgres.node();
  if (node->state == model::PostgresState::kRunning && (node->role == model::PostgresRole::kPrimary || node->is_primary)) {
    return answer({.status = 500, .text = "Running as a leader"});
  }
  // An acquisition that is under way or won would not be stopped by an agreement given now (K33).
  const auto lease = world_.board.lease();
  if (world_.keeper.is_acquiring() || lease.holds(world_.clock.now())) return answer({.status = 500, .text = "Running as a leader"});
  model::FailsafeRecord record{.last_update = world_.clock.now(), .name = model::MemberName(text_of(document, "name")),
                               .conn_url = text_of(document, "conn_url"), .api_url = text_of(document, "api_url")};
  if (record.name.empty() || record.conn_url.empty() || record.api_url.empty()) {
    return answer({.status = 400, .text = "name, conn_url and api_url are required"});
  }
  if (const auto* slots = document.if_contains("slots"); slots && slots->is_object()) {
    for (const auto& [name, lsn] : slots->as_object()) {
      if (lsn.is_int64() && lsn.as_int64() >= 0) record.slots[std::string(name)] = model::Lsn{static_cast<std::uint64_t>(lsn.as_int64())};
    }
  }
  failsafe_ = std::move(record);
  Reply reply{.status = 200, .text = "Accepted"};
  if (node->lsn.known()) reply.lsn = node->lsn.value;
  answer(std::move(reply));
  notify_("failsafe round accepted");
}

asio::awaitable<void> Desk::write_failover(boost::json::object document, std::optional<model::Revision> expected, Answer answer) {
  auto written = co_await world_.store.write_failover(std::move(document), expected, settings_->dynamic.timing.retry_timeout);
  answer(written ? Reply{} : failure_reply(written.error()));
  notify_("failover request written");
}

asio::awaitable<void> Desk::write_config(boost::json::object body, bool patch, Answer answer) {
  std::optional<model::Revision> expected;
  if (patch) {
    auto view = co_await world_.store.read(settings_->dynamic.timing.retry_timeout);
    if (!view) co_return answer(failure_reply(view.error()));
    const auto& config = (*view)->config;
    if (!config || !config->valid) co_return answer({.status = 503, .text = "the configuration in the store is missing or invalid"});
    expected = config->revision;
    boost::json::object merged = config->document;
    const bool changed = model::merge_patch(merged, body);
    body = std::move(merged);
    if (!changed) co_return answer({.status = 200, .document = body});
  }
  boost::json::object document = body;
  auto written = co_await world_.store.write_config(std::move(document), expected, settings_->dynamic.timing.retry_timeout);
  Reply reply = written ? Reply{.status = 200, .document = body} : failure_reply(written.error());
  if (!written && !patch) reply.status = 502;
  answer(std::move(reply));
  notify_("configuration written");
}

}  // namespace matriarch::agent
