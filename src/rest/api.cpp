#include "rest/api.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include "net/printable.hpp"
#include "rest/actions.hpp"
#include "rest/gate.hpp"
#include "rest/listeners.hpp"
#include "rest/reads.hpp"

namespace matriarch::rest {

namespace asio = boost::asio;
using model::Milliseconds;
using ports::Level;

namespace {

// Operations that wait for minutes must not use up the connections that health checks need.
constexpr int kMaxActions = 32;
constexpr int kMaxFollowers = 32;
constexpr Milliseconds kHousekeeping{60'000};
// Anybody can be refused, as often as they like: that must not fill the events, of which only so many are kept.
constexpr Milliseconds kBetweenRefusals{60'000};

bool is_open_to_everybody(const model::RestSettings& settings) {
  const auto& host = settings.listen.host;
  const bool is_local = host == "localhost" || host == "::1" || host.starts_with("127.");
  return !is_local && settings.username.empty() && settings.verify_client == model::VerifyClient::kNone && settings.allowlist.empty() &&
         !settings.allowlist_include_members;
}

class Counted {
 public:
  explicit Counted(int& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

 private:
  int& count_;
};

}  // namespace

class Api::Impl : public std::enable_shared_from_this<Api::Impl> {
 public:
  Impl(asio::any_io_executor executor, World world, std::shared_ptr<const model::Settings> settings)
      : executor_(executor), world_(std::move(world)), settings_(settings), published_(executor), recorded_(executor),
        idle_(executor), readings_(executor, world_.board, world_.journal, world_.clocks, world_.fresh_status, settings), courier_(executor, world_.post),
        reads_(readings_, world_.journal, world_.clocks.now()), actions_(readings_, courier_, world_.peers, published_, world_.journal, world_.refuse_config),
        gate_(executor, world_.journal), listeners_(executor, world_.journal) {}

  net::NetResult<void> start(std::string socket_path) {
    gate_.apply(settings_->restapi);
    warn_if_open();
    net::HttpHandler handler = [weak = weak_from_this()](net::HttpRequest request, net::PeerInfo peer, net::ChunkWriter& writer) {
      return serve(weak.lock(), std::move(request), std::move(peer), writer);
    };
    auto listening = listeners_.open(std::move(handler), settings_->restapi, std::move(socket_path));
    if (!listening) return listening;
    asio::co_spawn(executor_, keep_house(shared_from_this()), asio::detached);
    return {};
  }

  std::uint16_t port() const { return listeners_.port(); }
  const asio::any_io_executor& executor() const { return executor_; }

  void stop() {
    if (stopped_) return;
    stopped_ = true;
    listeners_.close();
    idle_.ring();
    published_.ring();
    recorded_.ring();
  }

  void snapshot_published() {
    published_.ring();
    asio::post(executor_, [self = shared_from_this()] { self->take_settings(); });
  }
  void event_recorded() { recorded_.ring(); }
  void reload_certificates() {
    asio::post(executor_, [self = shared_from_this()] { self->listeners_.reload_if_changed(); });
  }

 private:
  // A Patroni file may say so, and then the node starts; but nobody should believe that it is protected.
  void warn_if_open() {
    if (!is_open_to_everybody(settings_->restapi)) return;
    world_.journal.log(Level::kWarning, fmt::format("restapi: whoever reaches {}:{} may change this cluster; set restapi.authentication, or verify_client with a cafile",
                                                    settings_->restapi.listen.host, settings_->restapi.listen.port));
  }

  void take_settings() {
    if (stopped_) return;
    const auto snapshot = world_.board.latest();
    if (!snapshot || !snapshot->seen.settings) return;
    const auto cluster = snapshot->seen.store.cluster;
    bool resolve = cluster && gate_.learn_members(*cluster);
    if (snapshot->seen.settings != settings_) {
      const bool changed = !(snapshot->seen.settings->restapi == settings_->restapi);
      settings_ = snapshot->seen.settings;
      readings_.apply_settings(settings_);
      if (changed) {
        gate_.apply(settings_->restapi);
        warn_if_open();
        listeners_.apply(settings_->restapi);
        resolve = true;
      }
    }
    if (resolve) idle_.ring();
  }

  static asio::awaitable<void> keep_house(std::shared_ptr<Impl> self) {
    while (!self->stopped_) {
      try {
        co_await self->gate_.refresh();
      } catch (const std::exception& error) {
        self->world_.journal.log(Level::kError, fmt::format("restapi.allowlist: {}", error.what()));
      }
      self->listeners_.reload_if_changed();
      self->tell_refusals();
      if (!self->stopped_) co_await self->idle_.wait(kHousekeeping);
    }
  }

  // `self` keeps everything alive until the answer is out.
  static asio::awaitable<std::optional<net::HttpResponse>> serve(std::shared_ptr<Impl> self, net::HttpRequest request, net::PeerInfo peer,
                                                                 net::ChunkWriter& writer) {
    if (!self) co_return std::nullopt;
    const auto began = self->world_.clocks.now();
    const Target target = parse_target(request.target);
    const Routed routed = route(request.method, target);
    if (routed.route == Route::kEvents && target.flags.contains("follow") && !routed.status_only) {
      co_return co_await self->follow(target, std::move(request), writer);
    }
    const std::string line = fmt::format("{} {}", net::printable(request.method), net::printable(request.target));
    Answer answer = co_await self->answer(routed, target, std::move(request), peer);
    self->account(routed, line, peer, answer, began);
    if (routed.status_only) answer = status_only(answer.status);
    co_return to_response(std::move(answer), self->settings_->restapi, self->world_.clocks.wall_now());
  }

  asio::awaitable<Answer> answer(Routed routed, Target target, net::HttpRequest request, net::PeerInfo peer) {
    if (routed.route == Route::kNotSupported) co_return not_supported(request.method);
    if (routed.is_unsafe) co_return co_await act(routed.route, std::move(request), std::move(peer));
    if (routed.route == Route::kEvents) co_return list_events(world_.events_after, first_wanted(target, request.headers));
    std::string more;
    if (routed.route == Route::kMetrics && world_.more_metrics) more = world_.more_metrics();
    counters_.certificate_end = listeners_.certificate_end();
    co_return co_await reads_.answer(routed.route, std::move(target), counters_, std::move(more));
  }

  asio::awaitable<Answer> act(Route action, net::HttpRequest request, net::PeerInfo peer) {
    const bool from_member = action == Route::kPostFailsafe;
    if (auto refused = refuse(gate_.rules(), peer, request.headers, from_member)) co_return *refused;
    if (from_member) co_return co_await actions_.answer(action, std::move(request));
    if (running_actions_ >= kMaxActions) co_return text(503, "too many operations are waiting for their result");
    const Counted counted(running_actions_);
    co_return co_await actions_.answer(action, std::move(request));
  }

  asio::awaitable<std::optional<net::HttpResponse>> follow(Target target, net::HttpRequest request, net::ChunkWriter& writer) {
    const auto wall_now = world_.clocks.wall_now();
    if (!world_.events_after) co_return to_response(text(503, "no events are kept"), settings_->restapi, wall_now);
    if (followers_ >= kMaxFollowers) co_return to_response(text(503, "too many clients follow the events"), settings_->restapi, wall_now);
    const Counted counted(followers_);
    Answer head = text(200, {});
    head.content_type = "text/event-stream";
    head.headers.push_back({"Cache-Control", "no-store"});
    net::HttpResponse response = to_response(std::move(head), settings_->restapi, wall_now);
    co_await follow_events(world_.events_after, first_wanted(target, request.headers), recorded_, std::move(response), writer);
    co_return std::nullopt;
  }

  // Counts the answer; whoever asked for a change is remembered with what became of it.
  void account(const Routed& routed, const std::string& line, const net::PeerInfo& peer, const Answer& answer, model::Instant began) {
    const auto took = world_.clocks.now() - began;
    ++counters_.answers[answer.status];
    counters_.seconds += std::chrono::duration<double>(took).count();
    const std::string from = peer.is_unix ? std::string("local") : peer.address;
    world_.journal.log(Level::kDebug, fmt::format("API: {} - \"{}\" {} {} ms", from, line, answer.status,
                                                  std::chrono::duration_cast<Milliseconds>(took).count()));
    if (!routed.is_unsafe || routed.route == Route::kPostFailsafe) return;
    boost::json::object details{{"request", line}, {"from", from}, {"status", answer.status}};
    if (!peer.certificate_subject.empty()) details["certificate"] = peer.certificate_subject;
    if (answer.shape == Answer::Shape::kNormal && answer.content_type == "text/html") details["answer"] = answer.body;
    if (answer.status == 401 || answer.status == 403) return note_refusal(std::move(details));
    world_.journal.event("api_request", std::move(details));
  }

  // One event stands for all refusals since the one before; it describes the last.
  void note_refusal(boost::json::object details) {
    refusals_.last = std::move(details);
    ++refusals_.count;
    tell_refusals();
  }

  void tell_refusals() {
    const auto now = world_.clocks.now();
    if (refusals_.count == 0 || (refusals_.told && now - *refusals_.told < kBetweenRefusals)) return;
    if (refusals_.count > 1) refusals_.last["times"] = refusals_.count;
    world_.journal.event("api_request", std::move(refusals_.last));
    refusals_ = {.told = now};
  }

  asio::any_io_executor executor_;
  World world_;
  std::shared_ptr<const model::Settings> settings_;
  Bell published_, recorded_, idle_;
  Readings readings_;
  Courier courier_;
  Reads reads_;
  Actions actions_;
  Gate gate_;
  Listeners listeners_;
  ApiCounters counters_;
  struct Refusals {
    std::uint64_t count = 0;  // not told yet
    boost::json::object last = {};
    std::optional<model::Instant> told = {};
  };
  Refusals refusals_;
  int running_actions_ = 0, followers_ = 0;
  bool stopped_ = false;
};

Api::Api(asio::any_io_executor executor, World world, std::shared_ptr<const model::Settings> settings)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(world), std::move(settings))) {}

Api::~Api() {
  asio::dispatch(impl_->executor(), [impl = impl_] { impl->stop(); });
}

net::NetResult<void> Api::start(std::string socket_path) { return impl_->start(std::move(socket_path)); }
std::uint16_t Api::port() const { return impl_->port(); }
void Api::stop() { impl_->stop(); }
void Api::snapshot_published() { impl_->snapshot_published(); }
void Api::event_recorded() { impl_->event_recorded(); }
void Api::reload_certificates() { impl_->reload_certificates(); }

}  // namespace matriarch::rest
