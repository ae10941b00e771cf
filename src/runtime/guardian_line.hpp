// One connection to the guardian's control socket, for coroutines.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guardian/control.hpp"
#include "model/names.hpp"
#include "model/time.hpp"
#include "system/fd.hpp"

namespace matriarch::runtime {

// Lives on one single-threaded executor, and so do all calls. Connects when first used and again when the connection broke.
class GuardianLine {
 public:
  GuardianLine(boost::asio::any_io_executor executor, std::string run_directory);
  ~GuardianLine();

  // The guardian's kDone or kRefused. The error: it cannot be reached, or gave no answer in time; what was asked may then
  // still happen.
  boost::asio::awaitable<model::Result<guardian::ControlMessage, std::string>> ask(guardian::ControlMessage message,
                                                                                   std::vector<system::Fd> fds,
                                                                                   model::Milliseconds timeout);
  // From now on, also over new connections.
  void on_news(std::function<void(const guardian::ControlMessage&)> callback);

 private:
  class Wire;
  std::shared_ptr<Wire> wire_;
};

}  // namespace matriarch::runtime
