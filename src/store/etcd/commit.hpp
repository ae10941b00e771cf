// A transaction carried to a definite answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <memory>

#include "ports/store.hpp"
#include "store/etcd/client.hpp"

namespace matriarch::store::etcd {

struct Committed {
  boost::json::object answer;
  // An answer was lost before this one came: a comparison that failed may have failed because of our own first attempt.
  // The caller looks at what the failure branch read, which is as good as a linearizable read after the loss.
  bool was_repeated = false;
  bool succeeded() const { return flag_in(answer, "succeeded"); }
  std::int64_t revision() const { return header_of(answer).revision; }
};

// Sends the transaction again when its answer was lost, until one comes or the deadline does. So it must be one that may
// be carried out twice: guarded by versions, or with the same effect each time. kUnknown: the last word is missing.
boost::asio::awaitable<ports::StoreResult<Committed>> commit(std::shared_ptr<Client> client, Transaction transaction, Deadline deadline);

}  // namespace matriarch::store::etcd
