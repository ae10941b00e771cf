// Connections between the store processes of a cluster: authenticated, encrypted, and each introduced by a hello.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "consensus/address.hpp"
#include "consensus/complaints.hpp"
#include "consensus/raft/hello.hpp"
#include "consensus/raft/peer_tls.hpp"
#include "net/stream.hpp"

namespace matriarch::consensus::raft {

using SecureStream = std::shared_ptr<net::Stream>;

// Bytes of one frame with their length before them. False when the peer is gone.
boost::asio::awaitable<bool> write_frame(net::Stream& stream, std::string payload);
// Nothing when the peer is gone or the frame is longer than `max`.
boost::asio::awaitable<std::optional<std::string>> read_frame(net::Stream& stream, std::size_t max);

class Link {
 public:
  // Who this node is at the moment (it may join a cluster while it runs).
  using WhoAmI = std::function<Self()>;
  using Accepted = std::function<void(Hello, SecureStream)>;

  Link(boost::asio::any_io_executor executor, PeerTls tls, WhoAmI who_am_i, Log log);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // The error names the address and the reason. `accepted` is called for each welcome caller.
  tl::expected<void, std::string> listen(const HostPort& address, Accepted accepted);

  struct Dialled {
    SecureStream stream;
    Self peer;
  };
  // The error says who refused whom and why; it is also logged, once in a while.
  boost::asio::awaitable<tl::expected<Dialled, std::string>> dial(std::string address, Purpose purpose,
                                                                 std::uint64_t wanted_id,
                                                                 std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace matriarch::consensus::raft
