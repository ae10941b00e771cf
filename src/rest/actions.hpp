// Requests that change something: checked, handed to the agent, and answered when the result is known.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

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

// Why a change of the dynamic configuration must not be stored; nothing: it may.
using RefuseConfig = std::function<std::optional<std::string>(const model::Settings& settings, const boost::json::object& before,
                                                              const boost::json::object& after)>;

class Actions {
 public:
  // `published` rings for each new snapshot. `refuse_config` may be empty: then everything may be stored.
  Actions(Readings& readings, Courier& courier, ports::Peers& peers, Bell& published, ports::Journal& journal, RefuseConfig refuse_config)
      : readings_(readings), courier_(courier), peers_(peers), published_(published), journal_(journal), refuse_config_(std::move(refuse_config)) {}

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
  std::optional<Answer> refuse_config(const Reading& reading, const boost::json::object& body, bool is_patch) const;
  boost::asio::awaitable<Answer> patch_config(net::HttpRequest request);
  boost::asio::awaitable<Answer> put_config(net::HttpRequest request);

  Readings& readings_;
  Courier& courier_;
  ports::Peers& peers_;
  Bell& published_;
  ports::Journal& journal_;
  RefuseConfig refuse_config_;
};

}  // namespace matriarch::rest
