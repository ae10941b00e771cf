#include "postgres/callbacks.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "postgres/child.hpp"

namespace matriarch::postgres {
namespace {

struct Call {
  std::string event;
  std::vector<std::string> argv;
  model::Milliseconds limit;
};
constexpr std::size_t kMaxWaiting = 16;

}  // namespace

struct Callbacks::Line {
  asio::any_io_executor executor;
  FileThreads& threads;
  ports::Journal& journal;
  std::deque<Call> waiting;
  bool running = false;
  bool closed = false;

  static asio::awaitable<void> work(std::shared_ptr<Line> line) {
    while (!line->waiting.empty() && !line->closed) {
      const Call call = std::move(line->waiting.front());
      line->waiting.pop_front();
      ChildRequest request{.argv = call.argv, .captures_output = false, .grace = model::Milliseconds(200)};
      const auto outcome = co_await run_child(line->threads, std::move(request), deadline_in(call.limit));
      if (line->closed) break;
      if (!outcome) line->journal.log(ports::Level::kWarning, fmt::format("callback {} could not be started: {}", call.event, outcome.error()));
      else if (!outcome->success()) line->journal.log(ports::Level::kWarning, fmt::format("callback {} {}", call.event, outcome->describe()));
    }
    line->running = false;
  }
};

Callbacks::Callbacks(asio::any_io_executor executor, FileThreads& threads, ports::Journal& journal)
    : events_(std::make_shared<Line>(Line{executor, threads, journal, {}})), reloads_(std::make_shared<Line>(Line{executor, threads, journal, {}})) {}

Callbacks::~Callbacks() {
  events_->closed = true;
  reloads_->closed = true;
}

void Callbacks::run(std::string event, std::vector<std::string> argv, model::Milliseconds limit) {
  const auto& line = event == "on_reload" ? reloads_ : events_;
  std::erase_if(line->waiting, [&](const Call& call) { return call.event == event; });
  if (line->waiting.size() >= kMaxWaiting) line->waiting.pop_front();
  line->waiting.push_back({std::move(event), std::move(argv), limit});
  if (std::exchange(line->running, true)) return;
  asio::co_spawn(line->executor, Line::work(line), asio::detached);
}

}  // namespace matriarch::postgres
