// Requests that change something: checked, handed to the agent, and answered when the result is known.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "net/http.hpp"
#include "ports/journal.hpp"
#include "ports/peers.hpp"
#include "rest/answer.hpp"
#include "rest/bell.hpp"
#include "rest/bodies.hpp"
#include "rest/courier.hpp"
#include "rest/readings.hpp"
#include "rest/routes.hpp"

namespace matriarch::rest {

class Actions {
 public:
  // `published` rings for each new snapshot.
  Actions(Readings& readings, Courier& courier, ports::Peers& peers, Bell& published, ports::Journal& journal)
      : readings_(readings), courier_(courier), peers_(peers), published_(published), journal_(journal) {}

  // `route` is one of the unsafe ones; access was granted.
  boost::asio::awaitable<Answer> answer(Route route, net::HttpRequest request);

 private:
  boost::asio::awaitable<Answer> restart(net::HttpRequest request);
  boost::asio::awaitable<Answer> unschedule_restart();
  boost::asio::awaitable<Answer> hand_over(net::HttpRequest request, bool asked_as_switchover);
  boost::asio::awaitable<std::optional<Answer>> find_no_candidate(HandoverOrder order, Reading reading);
  boost::asio::awaitable<Answer> await_outcome(HandoverOrder order, std::shared_ptr<const model::Cluster> before);
  boost::asio::awaitable<Answer> delete_switchover();
  boost::asio::awaitable<Answer> reinitialize(net::HttpRequest request);
  boost::asio::awaitable<Answer> reload();
  boost::asio::awaitable<Answer> failsafe(net::HttpRequest request);
  boost::asio::awaitable<Answer> patch_config(net::HttpRequest request);
  boost::asio::awaitable<Answer> put_config(net::HttpRequest request);

  Readings& readings_;
  Courier& courier_;
  ports::Peers& peers_;
  Bell& published_;
  ports::Journal& journal_;
};

}  // namespace matriarch::rest
