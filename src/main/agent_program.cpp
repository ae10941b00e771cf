// The agent's process: three threads (loop, keeper, API) that share snapshots, queues and the page.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <thread>

#include "agent/agent.hpp"
#include "agent/judge.hpp"
#include "agent/keeper.hpp"
#include "main/configuration.hpp"
#include "main/guarded_launcher.hpp"
#include "main/programs.hpp"
#include "main/store_access.hpp"
#include "peers/http_peers.hpp"
#include "postgres/instance.hpp"
#include "rest/api.hpp"
#include "runtime/board.hpp"
#include "runtime/clock.hpp"
#include "runtime/guardian_client.hpp"
#include "runtime/inbox.hpp"
#include "runtime/journal.hpp"
#include "runtime/watchdog.hpp"
#include "settings/dynamic.hpp"
#include "settings/dynamic_cache.hpp"
#include "store/etcd/lease_store.hpp"
#include "store/etcd/store.hpp"
#include "system/notify.hpp"
#include "system/realtime.hpp"

namespace matriarch::main {

namespace asio = boost::asio;
using ports::Level;

namespace {

constexpr int kKeeperPriority = 40;      // below the guardian's

// A thread with its own io_context, ended and joined by the destructor.
class Loop {
 public:
  Loop() : io_(1), work_(asio::make_work_guard(io_)) {}
  ~Loop() { stop(); }
  asio::io_context& io() { return io_; }
  asio::any_io_executor executor() { return io_.get_executor(); }
  void start(int priority) {
    thread_ = std::thread([this, priority] {
      if (priority > 0) (void)system::request_realtime(priority);
      io_.run();
    });
  }
  void stop() {
    work_.reset();
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

std::vector<rest::EventRecord> to_rest(const std::vector<runtime::Event>& events) {
  std::vector<rest::EventRecord> records;
  for (const auto& event : events) records.push_back({.id = event.id, .at = event.at, .kind = event.kind, .details = event.details});
  return records;
}

std::optional<std::string> refuse_config(const model::Settings& settings, const boost::json::object& before, const boost::json::object& after) {
  std::vector<std::string> reasons;
  for (const auto& complaint : settings::refuse_change(before, after, settings::limits_of(settings))) reasons.push_back(settings::to_sentence(complaint));
  if (reasons.empty()) return std::nullopt;
  return fmt::format("{}", fmt::join(reasons, "; "));
}

// Everything of one agent, in the order in which it comes up.
class AgentProgram {
 public:
  AgentProgram(Configuration configuration, std::string run_directory)
      : configuration_(std::move(configuration)), run_directory_(std::move(run_directory)), settings_(configuration_.settings()), journal_(settings_->log) {}

  int run() {
    for (const auto& warning : configuration_.warnings()) journal_.log(Level::kWarning, warning);
    if (auto failed = connect_guardian()) return fail(*failed);
    if (auto failed = connect_store()) return fail(*failed);
    if (auto failed = open_api()) return fail(*failed);
    return run_loops();
  }

 private:
  int fail(const std::string& why) {
    journal_.log(Level::kFatal, why);
    std::fprintf(stderr, "matriarch agent: %s\n", why.c_str());
    return kCannotWork;
  }

  std::optional<std::string> connect_guardian() {
    runtime::GuardianPlace place{.run_directory = run_directory_, .data_directory = settings_->postgresql.data_dir, .member = settings_->name.text};
    auto client = runtime::GuardianClient::open(keeping_.executor(), std::move(place));
    if (!client) return "no guardian: " + client.error();
    guardian_ = std::move(*client);
    auto postmaster = runtime::GuardedPostmaster::open(main_.get_executor(), run_directory_);
    if (!postmaster) return "no guardian: " + postmaster.error();
    postmaster_ = std::move(*postmaster);
    launcher_ = std::make_unique<GuardedLauncher>(*postmaster_);
    return std::nullopt;
  }

  std::optional<std::string> connect_store() {
    auto client = store_client_settings(*settings_, run_directory_);
    if (!client) return client.error();
    auto report = [this](std::string text) { journal_.log(Level::kWarning, "store: " + text); };
    const auto silence = std::max<model::Milliseconds>(settings_->dynamic.timing.ttl, model::Milliseconds(1000));
    store_ = std::make_unique<store::etcd::Store>(main_.get_executor(), *client, settings_->key_prefix(), silence, report);
    lease_store_ = std::make_unique<store::etcd::LeaseStore>(keeping_.executor(), *client, settings_->key_prefix(), report);
    return std::nullopt;
  }

  std::optional<std::string> open_api() {
    auto warn = [this](std::string text) { journal_.log(Level::kWarning, std::move(text)); };
    api_peers_ = std::make_unique<peers::HttpPeers>(api_loop_.executor(), settings_, warn);
    rest::World world{.board = board_,
                      .journal = journal_,
                      .peers = *api_peers_,
                      .post = [this](ports::Request request, std::function<void(ports::Reply)> reply) { inbox_.post(std::move(request), std::move(reply)); },
                      .clocks = {.now = [this] { return main_clock_.now(); }, .wall_now = [this] { return main_clock_.wall_now(); }},
                      .fresh_status = [this](model::Milliseconds limit) { return asio::co_spawn(main_, ask_postgres(limit), asio::use_awaitable); },
                      .events_after = [this](std::uint64_t id) { return to_rest(journal_.events_after(id)); },
                      .more_metrics = nullptr,
                      .refuse_config = refuse_config};
    api_ = std::make_unique<rest::Api>(api_loop_.executor(), std::move(world), settings_);
    auto opened = api_->start(run_directory_ + "/api.sock");
    if (!opened) return opened.error().what;
    board_.on_publish([this] { api_->snapshot_published(); });
    board_.on_publish([this] { cache_dynamic(); });
    journal_.on_event([this](const runtime::Event&) { api_->event_recorded(); });
    return std::nullopt;
  }

  // For the API's thread, on the main one, which owns the connection: a peer that asks where this node stands is judged by
  // what is true now.
  asio::awaitable<std::optional<model::PostgresNode>> ask_postgres(model::Milliseconds limit) {
    auto refreshed = co_await postgres_->refresh(limit);
    if (!refreshed) co_return std::nullopt;
    co_return *postgres_->node();
  }

  agent::MakeSettings settings_maker() {
    return [this](std::optional<boost::json::object> document, bool reread) -> model::Result<std::shared_ptr<const model::Settings>, std::string> {
      const bool is_dynamic = document.has_value();
      auto made = configuration_.make(std::move(document), reread);
      if (!made) return tl::unexpected(made.error());
      if (is_dynamic) to_cache_ = *made;
      if (reread) {
        for (const auto& warning : configuration_.warnings()) journal_.log(Level::kWarning, warning);
        if (auto applied = journal_.apply((*made)->log); !applied) journal_.log(Level::kError, "log: " + applied.error());
        api_->reload_certificates();
        renew_credentials(**made);
      }
      peers_->apply_settings(*made);
      asio::post(api_loop_.executor(), [this, settings = *made] { api_peers_->apply_settings(settings); });
      store_->set_silence_bound(std::max<model::Milliseconds>((*made)->dynamic.timing.ttl, model::Milliseconds(1000)));
      return *made;
    };
  }

  void renew_credentials(const model::Settings& settings) {
    const auto* etcd = std::get_if<model::EtcdSettings>(&settings.store);
    if (etcd == nullptr) return;
    store_->set_credentials(etcd->username, etcd->password);
    asio::post(keeping_.executor(), [this, username = etcd->username, password = etcd->password] { lease_store_->set_credentials(username, password); });
  }

  // For a start without the store. Written once it is known that the data beside it is this cluster's: another's is left as
  // it is, and initdb and pg_basebackup want an empty directory.
  void cache_dynamic() {
    const auto snapshot = board_.latest();
    if (!to_cache_ || !snapshot) return;
    const auto& node = snapshot->seen.postgres;
    const auto& view = snapshot->seen.store.cluster;
    if (node.data_directory != model::DataDirectory::kPresent || !node.system_id || !view || view->system_id() != node.system_id) return;
    std::thread([dynamic = to_cache_->dynamic, directory = settings_->postgresql.data_dir, this] {
      if (auto written = settings::write_cache(directory, dynamic); !written) journal_.log(Level::kWarning, settings::to_text(written.error()));
    }).detach();
    to_cache_.reset();
  }

  int run_loops() {
    auto warn = [this](std::string text) { journal_.log(Level::kWarning, std::move(text)); };
    peers_ = std::make_unique<peers::HttpPeers>(main_.get_executor(), settings_, warn);
    postgres_ = std::make_unique<postgres::Instance>(main_.get_executor(), settings_, journal_, *launcher_);
    agent::KeeperWorld keeper_world{.store = *lease_store_, .clock = keeper_clock_, .guardian = *guardian_, .watchdog = watchdog_, .board = board_};
    keeper_ = std::make_unique<agent::Keeper>(keeping_.executor(), keeper_world, settings_->name, settings_->dynamic.timing);
    agent::World world{.store = *store_, .postgres = *postgres_, .peers = *peers_, .clock = main_clock_, .guardian = *guardian_, .watchdog = watchdog_,
                       .journal = journal_, .board = board_, .inbox = inbox_, .keeper = *keeper_};
    agent_ = std::make_unique<agent::Agent>(main_.get_executor(), world, agent::Judge::rules(), settings_, settings_maker());
    asio::co_spawn(keeping_.executor(), keeper_->run(), [this](std::exception_ptr thrown) {
      if (thrown) {
        // Without a keeper the lease runs out; the guardian starts a new agent at once.
        journal_.log(Level::kFatal, "the keeper ended with an exception");
        std::_Exit(1);
      }
      keeper_ended_ = true;
      asio::post(main_, [this] { if (agent_ended_) main_.stop(); });
    });
    // Nothing the agent does can delay this: it runs beside the keeper.
    asio::co_spawn(keeping_.executor(), guardian_->guardian_lost(), [](std::exception_ptr, guardian::LastResort::Outcome) {
      std::_Exit(guardian::LastResort::kGuardianGone);
    });
    asio::co_spawn(main_, agent_->run(), [this](std::exception_ptr thrown, int code) {
      if (thrown) journal_.log(Level::kFatal, "the agent ended with an exception");
      exit_code_ = thrown ? 1 : code;
      agent_ended_ = true;
      say_goodbye(!thrown);
    });
    asio::co_spawn(main_, receive_signals(), asio::detached);
    keeping_.start(kKeeperPriority);
    api_loop_.start(0);
    (void)system::notify_service_manager("READY=1");
    run_main();
    api_loop_.stop();
    keeping_.stop();
    return exit_code_;
  }

  // What nobody expected ends the process at once, without waiting for its other threads: the guardian starts a new agent, and
  // the lease goes on.
  void run_main() {
    try {
      main_.run();
    } catch (const std::exception& error) {
      journal_.log(Level::kFatal, std::string("the agent ends: ") + error.what());
      std::_Exit(1);
    }
  }

  // A planned end takes the guardian along; a crash does not, and the guardian starts another agent.
  void say_goodbye(bool planned) {
    asio::co_spawn(main_, goodbye(planned), asio::detached);
  }
  asio::awaitable<void> goodbye(bool planned) {
    if (planned) {
      auto told = co_await postmaster_->say_goodbye(exit_code_, agent_->leaves_postgres());
      if (!told) journal_.log(Level::kWarning, told.error());
    }
    // The keeper closes its session on the way out, which has its own deadline; its end stops this loop.
    if (planned && !keeper_ended_) {
      asio::steady_timer patience(main_, std::chrono::seconds(2));
      co_await patience.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    main_.stop();
  }

  asio::awaitable<void> receive_signals() {
    asio::signal_set signals(main_, SIGTERM, SIGINT, SIGHUP);
    while (true) {
      auto [failed, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
      if (failed) co_return;
      if (number == SIGHUP) {
        agent_->request_reload();
      } else {
        agent_->request_stop();
      }
    }
  }

  Configuration configuration_;
  std::string run_directory_;
  std::shared_ptr<const model::Settings> settings_;
  std::shared_ptr<const model::Settings> to_cache_;  // of the main thread: not written yet
  runtime::Journal journal_;
  runtime::Board board_;
  asio::io_context main_{1};
  Loop keeping_, api_loop_;
  runtime::Clock main_clock_{main_.get_executor()};
  runtime::Clock keeper_clock_{keeping_.executor()};
  runtime::Inbox inbox_{main_.get_executor()};
  runtime::Watchdog watchdog_{[this](std::string text) { journal_.log(Level::kWarning, std::move(text)); }};
  std::unique_ptr<runtime::GuardianClient> guardian_;
  std::unique_ptr<runtime::GuardedPostmaster> postmaster_;
  std::unique_ptr<GuardedLauncher> launcher_;
  std::unique_ptr<store::etcd::Store> store_;
  std::unique_ptr<store::etcd::LeaseStore> lease_store_;
  std::unique_ptr<peers::HttpPeers> peers_, api_peers_;
  std::unique_ptr<postgres::Instance> postgres_;
  std::unique_ptr<agent::Keeper> keeper_;
  std::unique_ptr<agent::Agent> agent_;
  std::unique_ptr<rest::Api> api_;
  std::atomic<bool> keeper_ended_{false};
  bool agent_ended_ = false;
  int exit_code_ = 1;
};

}  // namespace

int run_agent(const std::string& file, const std::string& run_directory) {
  auto configuration = Configuration::read(file, settings::Purpose::kNode);
  if (!configuration) {
    std::fprintf(stderr, "%s\n", configuration.error().c_str());
    return kCannotWork;
  }
  configuration->clear_environment();
  const auto& service = configuration->settings()->postgresql.krbsrvname;
  if (!service.empty()) ::setenv("PGKRBSRVNAME", service.c_str(), 1);  // for scripts: what we start ourselves is told by its connection string
  AgentProgram program(std::move(*configuration), run_directory);
  const int code = program.run();
  std::fflush(stderr);
  // Detached helpers and the watch of the guardian end with the process; nothing is left to be saved.
  std::_Exit(code);
}

}  // namespace matriarch::main
