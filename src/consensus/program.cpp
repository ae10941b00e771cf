#include "consensus/program.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdlib>
#include <cstring>

#include "consensus/node.hpp"
#include "consensus/raft/bridge.h"
#include "consensus/server/api.hpp"
#include "net/http_server.hpp"
#include "system/realtime.hpp"
#include "system/signals.hpp"

namespace matriarch::consensus {

namespace asio = boost::asio;

namespace {

using Done = tl::expected<void, std::string>;

// What stands against a start stands against the next one too: the guardian then ends the service, unless PostgreSQL runs.
constexpr int kCannotStart = 78;  // sysexits.h EX_CONFIG

constexpr std::size_t kMaxRequestBytes = 24u << 20;  // a snapshot to restore; the machine's own bounds are narrower

void write_text(const char* text) {
  // Nothing more can be done when even that fails.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
}

// libraft aborts on errors it cannot live with, a failed write of term or vote above all.
void say_last_words(int) {
  write_text("the store cannot go on: Raft gave up after: ");
  write_text(bridge_last_words());
  write_text("\nIs the disk of the consensus directory full or failing? The program may be started again.\n");
  ::_exit(1);
}

// A process of a few megabytes: one heap for all threads, no hoards of freed memory, few worker threads.
void be_small() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_TRIM_THRESHOLD, 256 << 10);
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
  ::setenv("UV_THREADPOOL_SIZE", "2", 0);
}

bool is_loopback(const std::string& host) {
  if (host == "localhost") return true;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

Done check_client_port(const StoreProgramSettings& settings) {
  if (!settings.client_listen || is_loopback(settings.client_listen->host)) return {};
  const bool certificates_asked =
      settings.client_tls && settings.client_tls->verify_client == net::VerifyClient::kRequired;
  if (certificates_asked || settings.client_user) return {};
  return tl::unexpected(fmt::format(
      "embedded.client_listen is {}, which others can reach, but neither client certificates nor a client user are "
      "configured: everybody could change the cluster. Listen on 127.0.0.1, or configure one of them.",
      to_string(*settings.client_listen)));
}

struct Program {
  explicit Program(StoreProgramSettings its_settings)
      : settings(std::move(its_settings)), signals(loop, SIGTERM, SIGINT) {}

  asio::awaitable<void> run();
  Done serve();
  void stop(int code) {
    exit_code = code;
    loop.stop();
  }
  void fail(const std::string& why, int code = 1) {
    settings.log(LogLevel::kError, why);
    stop(code);
  }

  StoreProgramSettings settings;
  asio::io_context loop{1};
  asio::signal_set signals;
  std::unique_ptr<Node> node;
  std::unique_ptr<server::Api> api;
  std::unique_ptr<net::HttpServer> server;
  int exit_code = 0;
};

// Clients are answered from the beginning: "no leader" until the node is in a cluster.
Done Program::serve() {
  api = std::make_unique<server::Api>(*node, settings.client_user);
  const auto handler = [this](net::HttpRequest request, net::PeerInfo peer, net::ChunkWriter& writer) {
    return api->answer(std::move(request), std::move(peer), writer);
  };
  net::ServerLimits limits{.max_body = kMaxRequestBytes, .max_connections = 256};
  server = std::make_unique<net::HttpServer>(loop.get_executor(), handler, limits);
  if (!settings.unix_socket.empty()) {
    if (auto bound = server->listen(net::ListenUnix{.path = settings.unix_socket}); !bound) {
      return tl::unexpected(bound.error().what);
    }
  }
  if (settings.client_listen) {
    const net::ListenTcp listen{.address = settings.client_listen->host,
                                .port = settings.client_listen->port,
                                .tls = settings.client_tls};
    if (auto bound = server->listen(listen); !bound) return tl::unexpected(bound.error().what);
  }
  return {};
}

asio::awaitable<void> Program::run() {
  if (auto served = serve(); !served) {
    fail(served.error(), kCannotStart);
    co_return;
  }
  auto started = co_await node->start();
  if (!started) {
    fail(started.error(), kCannotStart);
    co_return;
  }
  settings.log(LogLevel::kInfo, fmt::format("store node {} (id {:x}) of cluster {:x} is running", settings.member.name,
                                            node->id(), node->cluster_id()));
}

}  // namespace

int run_store(StoreProgramSettings settings) {
  if (!settings.log) settings.log = [](LogLevel, const std::string&) {};
  system::ignore_sigpipe();
  ::signal(SIGABRT, say_last_words);
  be_small();
  if (auto sound = check_client_port(settings); !sound) {
    settings.log(LogLevel::kError, sound.error());
    return kCannotStart;
  }
  if (settings.realtime_priority > 0) {
    // The same for libuv's workers, which are made later: the loop spins while a worker that was preempted in uv_async_send()
    // finishes it.
    if (auto granted = system::request_realtime(settings.realtime_priority, system::Heirs::kTheSame); !granted) {
      settings.log(LogLevel::kInfo, "no real-time priority: " + granted.error().message());
    }
  }
  Program program(std::move(settings));
  program.node = std::make_unique<Node>(program.loop.get_executor(), program.settings.member, program.settings.log,
                                        [&](const std::string& why, bool for_good) { program.fail(why, for_good ? kCannotStart : 1); });
  program.signals.async_wait([&](boost::system::error_code error, int) {
    if (error) return;
    asio::co_spawn(program.loop, program.node->retire(), [&](const std::exception_ptr&) { program.stop(0); });
  });
  asio::co_spawn(program.loop, program.run(), [&](const std::exception_ptr& exception) {
    try {
      if (exception) std::rethrow_exception(exception);
    } catch (const std::exception& error) {
      program.fail(std::string("the store cannot start: ") + error.what());
    }
  });
  program.loop.run();
  program.server.reset();
  return program.exit_code;
}

}  // namespace matriarch::consensus
