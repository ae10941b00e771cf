#include "agent/observer.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "agent/unexpected.hpp"

namespace matriarch::agent {

namespace asio = boost::asio;
using model::Instant;
using model::Milliseconds;

model::Observation Observer::observe(Tasks& tasks, const Writer& writer, const Desk& desk, std::string last_event) {
  model::Observation seen;
  seen.now = world_.clock.now();
  seen.wall_now = world_.clock.wall_now();
  seen.settings = settings_;
  seen.store.cluster = world_.store.view();
  note_view(seen.store.cluster.get());
  seen.store.reachable = world_.store.connected();
  seen.lease = world_.board.lease();
  seen.store.fresh = seen.lease.term != 0 && fresh_term_ == seen.lease.term;
  seen.store.under_way = writer.under_way();
  seen.postgres = *world_.postgres.node();
  seen.peers = peers_;
  seen.peers_asked_at = peers_asked_at_;
  seen.peers_complete = peers_complete_;
  seen.task = tasks.running();
  seen.finished = tasks.take_finished();
  seen.divergence = divergence_;
  seen.background_checkpoint = checkpoint_;
  seen.background_checkpoint_running = checkpoint_running_;
  seen.failsafe = desk.failsafe();
  seen.failsafe_round = failsafe_round_;
  seen.wishes = desk.wishes();
  seen.last_event = std::move(last_event);
  seen.watchdog_active = world_.watchdog.is_active();
  seen.watchdog_healthy = world_.watchdog.is_healthy();
  return seen;
}

// What peers and the divergence check said belongs to one leadership: another leader, other answers.
void Observer::note_view(const model::Cluster* cluster) {
  const std::string leader = cluster && cluster->leader ? cluster->leader->name.text : std::string();
  if (leader == leader_) return;
  leader_ = leader;
  peers_.clear();
  peers_asked_at_ = Instant{};
  peers_complete_ = false;
  divergence_.reset();
}

void Observer::satisfy(const model::Needs& needs) {
  if (!needs.poll_peers.empty()) spawn_once("poll", poll(needs.poll_peers));
  if (needs.control_data) spawn_once("control data", read_control());
  if (needs.divergence_check) spawn_once("divergence", check_divergence(*needs.divergence_check));
  if (needs.fresh_positions) spawn_once("positions", refresh());
  if (needs.history) spawn_once("history", read_history(*needs.history));
  if (needs.linearizable_view) spawn_once("view", read_linearizable());
  if (needs.failsafe_round) spawn_once("failsafe", ask_failsafe());
}

void Observer::lease_changed(model::LeaseState lease) {
  const bool newly_armed = lease.armed && lease.term != 0 && lease.term != fresh_term_ && !lease_.armed;
  lease_ = lease;
  if (newly_armed) spawn_once("fresh view", read_again(lease.term));
}

void Observer::checkpoint_started() {
  checkpoint_running_ = true;
  checkpoint_.reset();
}

void Observer::checkpoint_ended(bool succeeded) {
  checkpoint_running_ = false;
  checkpoint_ = succeeded;
  notify_("checkpoint ended");
}

// ---- fetching ------------------------------------------------------------------------------------------------------

void Observer::spawn_once(const std::string& what, asio::awaitable<void> work) {
  if (!under_way_.insert(what).second) return;
  asio::co_spawn(executor_, run_once(what, std::move(work)), EndsTheAgent{});
}

asio::awaitable<void> Observer::run_once(std::string what, asio::awaitable<void> work) {
  co_await std::move(work);
  under_way_.erase(what);
  notify_(what);
}

Milliseconds Observer::poll_deadline() const { return std::min<Milliseconds>(settings_->dynamic.timing.ttl, Milliseconds(2000)); }

asio::awaitable<void> Observer::poll(std::set<model::MemberName> names) {
  const auto view = world_.store.view();
  std::vector<ports::PeerAddress> members;
  for (const auto& name : names) {
    const model::Member* member = view ? view->find(name) : nullptr;
    std::string url = member ? member->api_url : std::string();
    if (url.empty() && view && view->failsafe) {
      if (const auto listed = view->failsafe->find(name); listed != view->failsafe->end()) url = listed->second;
    }
    if (!url.empty()) members.push_back({.name = name, .api_url = url});
  }
  const Instant asked_at = world_.clock.now();
  peers_complete_ = false;
  peers_asked_at_ = asked_at;
  for (const auto& name : names) peers_.erase(name);
  std::function<void(model::MemberName, model::PeerStatus)> on_answer = [this, asked_at](model::MemberName name, model::PeerStatus status) {
    status.asked_at = asked_at;
    peers_[std::move(name)] = std::move(status);
    notify_("peer answered");
  };
  co_await world_.peers.poll(std::move(members), poll_deadline(), std::move(on_answer));
  // Members without an address count as asked and silent.
  for (const auto& name : names) {
    if (!peers_.contains(name)) peers_[name] = model::PeerStatus{.error = "no api_url", .asked_at = asked_at};
  }
  if (peers_asked_at_ == asked_at) peers_complete_ = true;
}

asio::awaitable<void> Observer::read_again(std::uint64_t term) {
  auto view = co_await world_.store.read(settings_->dynamic.timing.retry_timeout);
  if (view) {
    fresh_term_ = term;
  } else {
    world_.journal.log(ports::Level::kWarning, "could not read the store again after winning the lease: " + view.error().what);
  }
}

asio::awaitable<void> Observer::read_linearizable() {
  // A read that begins after the guardian watches the lease is as fresh as the one made on its arming.
  const model::LeaseState lease = world_.board.lease();
  const std::uint64_t armed_term = lease.armed ? lease.term : 0;
  auto view = co_await world_.store.read(settings_->dynamic.timing.retry_timeout);
  if (view && armed_term != 0) fresh_term_ = armed_term;
  if (!view) world_.journal.log(ports::Level::kDebug, "store read failed: " + view.error().what);
}

asio::awaitable<void> Observer::check_divergence(model::MemberName leader) {
  const auto view = world_.store.view();
  const model::Member* member = view ? view->find(leader) : nullptr;
  const Instant asked_at = world_.clock.now();
  model::DivergenceReport report{.leader = leader};
  if (member && !member->conn_url.empty()) {
    ports::Source source{.name = leader, .conn_url = member->conn_url, .is_leader = true};
    report = co_await world_.postgres.check_divergence(std::move(source), Milliseconds(3000));
  } else {
    report.says = "the leader has no address yet";
  }
  report.asked_at = asked_at;
  divergence_ = std::move(report);
}

asio::awaitable<void> Observer::refresh() {
  auto refreshed = co_await world_.postgres.refresh(std::max<Milliseconds>(settings_->dynamic.timing.retry_timeout / 2, Milliseconds(500)));
  if (!refreshed) world_.journal.log(ports::Level::kDebug, "status query: " + refreshed.error().what);
}

asio::awaitable<void> Observer::read_control() {
  auto read = co_await world_.postgres.read_control_data();
  if (!read) world_.journal.log(ports::Level::kWarning, "pg_controldata: " + read.error().what);
}

asio::awaitable<void> Observer::read_history(model::Timeline timeline) {
  auto read = co_await world_.postgres.read_history(timeline);
  if (!read) world_.journal.log(ports::Level::kWarning, "timeline history: " + read.error().what);
}

// Consent is counted from the send time of the round (docs/invariants.md S14).
asio::awaitable<void> Observer::ask_failsafe() {
  const auto view = world_.store.view();
  if (!view || !view->failsafe || !view->failsafe->contains(settings_->name)) {
    failsafe_round_ = model::FailsafeRound{.sent_at = world_.clock.now(), .refused_by = "this node is not in /failsafe"};
    co_return;
  }
  std::vector<ports::PeerAddress> members;
  for (const auto& [name, url] : *view->failsafe) {
    if (name != settings_->name) members.push_back({.name = name, .api_url = url});
  }
  const auto node = world_.postgres.node();
  boost::json::object slots;
  for (const auto& slot : node->slots) slots[slot.name] = slot.logical ? slot.confirmed_flush_lsn.value : slot.restart_lsn.value;
  slots[model::slot_name_of(settings_->name)] = node->lsn.value;
  const auto& address = settings_->postgresql.connect_address;
  boost::json::object document{{"name", settings_->name.text},
                               {"conn_url", fmt::format("postgres://{}:{}/{}", address.host, address.port, settings_->postgresql.database)},
                               {"api_url", settings_->restapi.api_url()}, {"slots", slots}};
  std::string text = boost::json::serialize(document);
  const Instant sent_at = world_.clock.now();
  auto round = co_await world_.peers.ask_failsafe(std::move(members), std::move(text), poll_deadline());
  round.sent_at = sent_at;
  failsafe_round_ = std::move(round);
}

}  // namespace matriarch::agent
