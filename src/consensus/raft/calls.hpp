// Requests and answers between nodes: one kept connection to each address, any number of calls under way on it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "consensus/raft/link.hpp"

namespace matriarch::consensus::raft {

inline constexpr std::size_t kMaxCallBytes = 32u << 20;

struct CallError {
  std::string what;
  bool may_have_arrived = false;  // false: the peer has certainly not seen the request
};

// Answers one request of an authenticated peer. Runs as long as it likes; the caller has its own deadline.
using Answerer = std::function<boost::asio::awaitable<std::string>(Self caller, std::string request)>;

// Serves the calls of one accepted connection until it closes.
void serve_calls(SecureStream stream, Self caller, Answerer answerer);

class Calls {
 public:
  Calls(boost::asio::any_io_executor executor, Link& link);
  ~Calls();
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // `wanted_id` 0: whoever is at that address.
  boost::asio::awaitable<tl::expected<std::string, CallError>> call(std::string address, std::uint64_t wanted_id,
                                                                    std::string request,
                                                                    std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace matriarch::consensus::raft
