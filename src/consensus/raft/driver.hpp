// Runs libraft's libuv loop inside an Asio loop: its epoll descriptor is watched for reading, its next timeout is a
// timer, and after every call into the bridge one more pass sends out what the call began. One thread does all.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "consensus/raft/bridge.h"

namespace matriarch::consensus::raft {

class Driver {
 public:
  // `after_pass` runs after every pass of the loop. The bridge must outlive the driver.
  Driver(boost::asio::any_io_executor executor, bridge* bridge, std::function<void()> after_pass);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // A pass soon: once, however often it is asked for.
  void kick();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace matriarch::consensus::raft
