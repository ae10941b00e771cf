#include "store/etcd/commit.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "model/json_text.hpp"

namespace matriarch::store::etcd {
namespace {

constexpr std::chrono::milliseconds kPause{10};

}  // namespace

boost::asio::awaitable<ports::StoreResult<Committed>> commit(std::shared_ptr<Client> client, Transaction transaction, Deadline deadline) {
  const std::string body = model::write_json(std::move(transaction).body());
  bool was_repeated = false;
  while (true) {
    Request request{.path = "/kv/txn", .body = body};
    auto answer = co_await client->call(std::move(request), deadline);
    if (answer) co_return Committed{.answer = std::move(*answer), .was_repeated = was_repeated};
    Failure failure = answer.error();
    const bool was_ambiguous = failure.kind == Failure::Kind::kAmbiguous;
    was_repeated = was_repeated || was_ambiguous;
    const Deadline next = Clock::now() + kPause;
    if (!was_ambiguous || next >= deadline) {
      if (was_repeated) failure.kind = Failure::Kind::kAmbiguous;
      co_return tl::unexpected(store_error(failure));
    }
    boost::asio::steady_timer timer(client->executor(), next);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
}

}  // namespace matriarch::store::etcd
