#include "store/etcd/service_records.hpp"

#include <ares.h>
#include <arpa/nameser.h>
#include <sys/select.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <mutex>
#include <thread>

namespace matriarch::store::etcd {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

struct Lookup {
  bool is_over = false;
  std::vector<ServiceRecord> records;
};

void take(void* context, int status, int, unsigned char* answer, int size) {
  auto& lookup = *static_cast<Lookup*>(context);
  lookup.is_over = true;
  ares_srv_reply* first = nullptr;
  if (status != ARES_SUCCESS || ares_parse_srv_reply(answer, size, &first) != ARES_SUCCESS) return;
  for (const auto* reply = first; reply != nullptr; reply = reply->next) {
    lookup.records.push_back({.host = reply->host, .port = reply->port, .priority = reply->priority, .weight = reply->weight});
  }
  ares_free_data(first);
}

// c-ares waits with select() here: a lookup has one or two sockets.
void run_until_over(ares_channel channel, const Lookup& lookup, Deadline deadline) {
  while (!lookup.is_over && Clock::now() < deadline) {
    fd_set readable, writable;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    const int count = ares_fds(channel, &readable, &writable);
    if (count == 0) return;
    const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - Clock::now()).count();
    timeval most{.tv_sec = left / 1'000'000, .tv_usec = left % 1'000'000}, wait{};
    ::select(count, &readable, &writable, nullptr, ares_timeout(channel, &most, &wait));
    ares_process(channel, &readable, &writable);
  }
}

std::vector<ServiceRecord> look_up(const std::string& name, const std::string& name_servers, Deadline deadline) {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  ares_options options{};
  options.timeout = static_cast<int>(std::clamp<milliseconds::rep>(left.count() / 3, 100, 2000));  // of one attempt
  options.tries = 3;
  ares_channel channel = nullptr;
  if (ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) != ARES_SUCCESS) return {};
  Lookup lookup;
  if (name_servers.empty() || ares_set_servers_ports_csv(channel, name_servers.c_str()) == ARES_SUCCESS) {
    ares_query(channel, name.c_str(), ns_c_in, ns_t_srv, take, &lookup);
    run_until_over(channel, lookup, deadline);
  }
  ares_destroy(channel);  // ends a query under way, by its callback
  std::sort(lookup.records.begin(), lookup.records.end(), [](const auto& a, const auto& b) {
    return std::pair(a.priority, -a.weight) < std::pair(b.priority, -b.weight);
  });
  return std::move(lookup.records);
}

// Outlives a coroutine that gave up waiting: the thread cannot be interrupted.
struct Resolution {
  Resolution(const asio::any_io_executor& executor, Deadline deadline) : done(executor, deadline) {}
  asio::steady_timer done;
  std::vector<ServiceRecord> records;
};

}  // namespace

asio::awaitable<std::vector<ServiceRecord>> service_records(std::string name, std::string name_servers, Deadline deadline) {
  auto executor = co_await asio::this_coro::executor;
  const auto resolution = std::make_shared<Resolution>(executor, deadline + milliseconds(100));
  std::thread([=] {
    auto records = look_up(name, name_servers, deadline);
    asio::post(executor, [resolution, records = std::move(records)]() mutable {
      resolution->records = std::move(records);
      resolution->done.expires_at(Deadline::min());
    });
  }).detach();
  boost::system::error_code expired;
  co_await resolution->done.async_wait(asio::redirect_error(asio::use_awaitable, expired));
  co_return std::move(resolution->records);
}

}  // namespace matriarch::store::etcd
