#include "rules/wishes.hpp"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "rules/facts.hpp"
#include "rules/schedule.hpp"
#include "rules/tables.hpp"
#include "rules/upstream.hpp"

namespace matriarch::rules {
namespace {

using model::Instant;
using model::Memory;
using model::Milliseconds;
using model::OperatorWish;
using model::PostgresRole;
using model::TaskKind;
using Kind = model::OperatorWish::Kind;

const OperatorWish* wish_of(const Situation& s, Kind kind) {
  const auto found = std::find_if(s.seen.wishes.begin(), s.seen.wishes.end(), [&](const OperatorWish& wish) { return wish.kind == kind; });
  return found == s.seen.wishes.end() ? nullptr : &*found;
}

// ---- filters of a restart ------------------------------------------------------------------------------------------

std::string text_of(const boost::json::object& body, std::string_view key) {
  const auto* value = body.if_contains(key);
  return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

// "9.5.2" -> 90502, "15.4" -> 150004, "15" -> 150000; nothing: not a version.
std::optional<int> numeric_version(std::string_view text) {
  std::vector<int> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('.', begin), text.size());
    int part = 0;
    const auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, part);
    if (error != std::errc{} || stop != text.data() + end || part < 0 || part > 9999 || parts.size() == 3) return std::nullopt;
    parts.push_back(part);
    begin = end + 1;
  }
  parts.resize(3);
  return parts[0] < 10 ? parts[0] * 10000 + parts[1] * 100 + parts[2] : parts[0] * 10000 + parts[1];
}

bool asks_for_pending_only(const boost::json::object& body) {
  const auto* value = body.if_contains("restart_pending");
  return value && !(value->is_bool() && !value->as_bool()) && !value->is_null();
}

// Why the filters of a restart keep it from being done; empty: they do not.
std::string_view filter_against(const Situation& s, const boost::json::object& body) {
  const auto role = text_of(body, "role");
  if (!role.empty() && role != model::to_text(s.seen.postgres.role)) return "host role mismatch";
  if (const auto version = text_of(body, "postgres_version"); !version.empty()) {
    const auto wanted = numeric_version(version);
    if (!wanted || *wanted <= s.seen.postgres.server_version) return "postgres version mismatch";
  }
  if (asks_for_pending_only(body) && s.seen.postgres.pending_restart.empty()) return "pending restart flag is not set";
  return {};
}

std::optional<Milliseconds> timeout_in(const boost::json::object& body) {
  const auto* value = body.if_contains("timeout");
  if (!value || !value->is_number()) return std::nullopt;
  const double seconds = value->is_double() ? value->as_double() : value->is_int64() ? static_cast<double>(value->as_int64()) : static_cast<double>(value->as_uint64());
  if (!(seconds > 0) || seconds > 1e6) return std::nullopt;
  return Milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// ---- reinitialize --------------------------------------------------------------------------------------------------

bool reinitialize_is_impossible(const Situation& s) { return wish_of(s, Kind::kReinitialize) && (unlocked(s) || has_lock(s) || s.seen.is_leader()); }
Plan refuse_reinitialize(const Situation& s) {
  const char* reason = unlocked(s) ? "Cluster has no leader, can not reinitialize" : "I am the leader, can not reinitialize";
  return {.actions = {model::AnswerWish{wish_of(s, Kind::kReinitialize)->id, 503, reason}}, .says = reason, .keep_lease = holds_lease(s)};
}

bool reinitialize_is_asked(const Situation& s) { return wish_of(s, Kind::kReinitialize) != nullptr; }
Plan reinitialize(const Situation& s) {
  const OperatorWish& wish = *wish_of(s, Kind::kReinitialize);
  const model::Member* source = wish.from_leader ? nullptr : clone_source(s);
  return {.actions = {model::StartTask{{.kind = TaskKind::kReinitialize, .name = "reinitialize", .source = source ? source->name : cluster(s).leader->name,
                                        .from_leader = wish.from_leader, .upstream = upstream_for(s)}}},
          .says = "reinitialize started"};
}

// ---- restart -------------------------------------------------------------------------------------------------------

bool schedule_is_due(const Situation& s) {
  return s.memory.scheduled_restart && judge_schedule(s, s.memory.scheduled_restart->at) == Schedule::kDue;
}
const boost::json::object& restart_body(const Situation& s) {
  const OperatorWish* wish = wish_of(s, Kind::kRestart);
  return wish ? wish->body : s.memory.scheduled_restart->filters;
}

bool restart_is_filtered_out(const Situation& s) { return !filter_against(s, restart_body(s)).empty(); }
Plan refuse_restart(const Situation& s) {
  const std::string note = fmt::format("not proceeding with the restart: {}", filter_against(s, restart_body(s)));
  Plan plan{.says = "restart conditions are not satisfied", .keep_lease = holds_lease(s), .notes = {note}};
  if (const OperatorWish* wish = wish_of(s, Kind::kRestart)) {
    plan.actions.emplace_back(model::AnswerWish{wish->id, 503, "restart conditions are not satisfied"});
  } else {
    plan.memory = remembering(s, [](Memory& memory) { memory.scheduled_restart.reset(); });
  }
  return plan;
}

// Commits must not hang on a standby that is being restarted: it asks the primary for its release first.
bool is_waited_for(const Situation& s) {
  const auto& sync = cluster(s).sync;
  return sync_active(s) && !holds_lease(s) && !my_tags(s).nosync() && cluster(s).is_led_by(sync.leader) && sync.is_voter(me(s));
}
bool must_leave_sync_first(const Situation& s) {
  const Instant since = s.memory.leaving_sync_since;
  return is_waited_for(s) && (since == Instant{} || s.seen.now < since + 2 * loop_wait(s));
}
Plan leave_sync(const Situation& s) {
  const Instant since = s.memory.leaving_sync_since == Instant{} ? s.seen.now : s.memory.leaving_sync_since;
  return {.says = "Waiting for primary to release us from synchronous standby",
          .wake_at = since + 2 * loop_wait(s),
          .memory = remembering(s, [&](Memory& memory) { memory.leaving_sync_since = since; })};
}

Plan restart(const Situation& s) {
  const auto timeout = timeout_in(restart_body(s));
  return {.actions = {model::StartTask{{.kind = TaskKind::kRestart, .name = "restart", .role = may_write(s) ? PostgresRole::kPrimary : s.seen.postgres.role,
                                        .timeout = timeout.value_or(s.seen.dynamic().primary_start_timeout)}}},
          .says = "restart initiated",
          .keep_lease = holds_lease(s),
          .memory = remembering(s, [&](Memory& memory) {
            memory.recovering = true;
            memory.start_timeout = timeout;
            if (!wish_of(s, Kind::kRestart)) memory.scheduled_restart.reset();
          })};
}

// ---- wishes without server -----------------------------------------------------------------------------------------

bool reload_is_asked(const Situation& s) { return wish_of(s, Kind::kReload) != nullptr; }
Plan answer_reload(const Situation& s) { return {.actions = {model::AnswerWish{wish_of(s, Kind::kReload)->id, 202, "reload scheduled"}}}; }

bool unschedule_is_asked(const Situation& s) { return wish_of(s, Kind::kUnscheduleRestart) != nullptr; }
Plan unschedule(const Situation& s) {
  const bool had_one = s.memory.scheduled_restart.has_value();
  return {.actions = {model::AnswerWish{wish_of(s, Kind::kUnscheduleRestart)->id, had_one ? 200 : 404,
                                        had_one ? "scheduled restart deleted" : "no restarts are scheduled"}},
          .memory = remembering(s, [](Memory& memory) { memory.scheduled_restart.reset(); })};
}

// The REST room has parsed the time: microseconds since the epoch beside the operator's text.
std::optional<model::WallTime> time_in(const boost::json::object& body) {
  const auto* value = body.if_contains("schedule_us");
  if (!value || !value->is_int64()) return std::nullopt;
  return model::WallTime(std::chrono::microseconds(value->as_int64()));
}
bool schedule_is_asked(const Situation& s) { return wish_of(s, Kind::kScheduleRestart) != nullptr; }
Plan schedule(const Situation& s) {
  const OperatorWish& wish = *wish_of(s, Kind::kScheduleRestart);
  const auto at = time_in(wish.body);
  if (!at) return {.actions = {model::AnswerWish{wish.id, 400, "Unable to parse scheduled timestamp"}}};
  if (s.memory.scheduled_restart) return {.actions = {model::AnswerWish{wish.id, 409, "Another restart is already scheduled"}}};
  boost::json::object filters = wish.body;
  const auto* text = wish.body.if_contains("schedule");
  const std::string words = text && text->is_string() ? std::string(text->get_string()) : iso8601(*at);
  filters.erase("schedule");
  filters.erase("schedule_us");
  return {.actions = {model::AnswerWish{wish.id, 202, "Restart scheduled"}},
          .memory = remembering(s, [&](Memory& memory) {
            memory.scheduled_restart = model::ScheduledRestart{.at = *at, .text = words, .filters = filters, .postmaster_start_time = s.seen.postgres.postmaster_start_time};
          })};
}

bool schedule_is_overtaken(const Situation& s) {
  const auto& scheduled = s.memory.scheduled_restart;
  return scheduled && s.seen.postgres.is_running && !s.seen.postgres.postmaster_start_time.empty() &&
         scheduled->postmaster_start_time != s.seen.postgres.postmaster_start_time;
}
Plan forget_overtaken(const Situation& s) {
  return {.memory = remembering(s, [](Memory& memory) { memory.scheduled_restart.reset(); }),
          .notes = {fmt::format("Cancelling scheduled restart: postgres restart has already happened at {}", s.seen.postgres.postmaster_start_time)}};
}

bool schedule_is_stale(const Situation& s) {
  return s.memory.scheduled_restart && judge_schedule(s, s.memory.scheduled_restart->at) == Schedule::kStale;
}
Plan forget_stale(const Situation& s) {
  const std::string at = iso8601(s.memory.scheduled_restart->at);
  return {.actions = {model::RecordEvent{"schedule_missed", {{"action", "restart"}, {"at", at}}}},
          .memory = remembering(s, [](Memory& memory) { memory.scheduled_restart.reset(); }),
          .notes = {fmt::format("Found a stale restart value, cleaning up: {}", at)}};
}

bool schedule_is_ahead(const Situation& s) {
  return s.memory.scheduled_restart && judge_schedule(s, s.memory.scheduled_restart->at) == Schedule::kLater;
}
Plan await_schedule(const Situation& s) { return {.wake_at = instant_of(s, s.memory.scheduled_restart->at)}; }

bool release_is_not_needed(const Situation& s) {
  return s.memory.leaving_sync_since != Instant{} && !wish_needs_the_server(s) && !s.seen.task;
}
Plan serve_as_sync_again(const Situation& s) {
  return {.memory = remembering(s, [](Memory& memory) { memory.leaving_sync_since = Instant{}; })};
}

}  // namespace

bool wish_needs_the_server(const Situation& s) {
  return wish_of(s, Kind::kRestart) || wish_of(s, Kind::kReinitialize) || (!paused(s) && schedule_is_due(s));
}

std::vector<Rule> wish_duties() {
  return {
      {"reload-answered", reload_is_asked, answer_reload, "A reload was asked for: it is done at once."},
      {"unschedule-restart", unschedule_is_asked, unschedule, "A scheduled restart is to be dropped."},
      {"schedule-restart", schedule_is_asked, schedule, "A restart is to be done later: remember it, one at a time."},
      {"restart-overtaken", schedule_is_overtaken, forget_overtaken, "PostgreSQL was restarted meanwhile: the scheduled restart is needless."},
      {"restart-stale", schedule_is_stale, forget_stale, "The time of the scheduled restart was missed: drop it and record that."},
      {"restart-ahead", schedule_is_ahead, await_schedule, "A restart is scheduled: look again when it is time."},
      {"sync-duty-resumed", release_is_not_needed, serve_as_sync_again, "The restart is over: this standby may be synchronous again."},
  };
}

Table wishes_table() {
  return {
      .name = "wishes",
      .about = "An operator asked this node for something that needs the server.",
      .verdicts =
          {
              {"reinitialize-refused", reinitialize_is_impossible, refuse_reinitialize, "A leader, or a node without a leader to copy, is not reinitialized (S18)."},
              {"reinitialize", reinitialize_is_asked, reinitialize, "Make a new copy of the leader."},
              {"restart-refused", restart_is_filtered_out, refuse_restart, "The conditions the operator gave do not hold."},
              {"leave-sync-before-restart", must_leave_sync_first, leave_sync, "Commits wait for this standby: ask the primary for its release first."},
              {"restart", always, restart, "Restart PostgreSQL."},
          },
  };
}

}  // namespace matriarch::rules
