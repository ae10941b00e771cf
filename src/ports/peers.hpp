#pragma once
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "model/peer.hpp"

namespace matriarch::ports {

struct PeerAddress {
  model::MemberName name;
  std::string api_url;  // exactly as published
};

class Peers {
 public:
  virtual ~Peers() = default;
  // Asks all at once. `on_answer` is called with each answer (unreachable ones too) as it arrives; returns when all
  // answered or `deadline` passed, every one of them reported.
  virtual boost::asio::awaitable<void> poll(std::vector<PeerAddress> members, model::Milliseconds deadline,
                                            std::function<void(model::MemberName, model::PeerStatus)> on_answer) = 0;
  // POST /failsafe to all; accepted only if every one accepted.
  virtual boost::asio::awaitable<model::FailsafeRound> ask_failsafe(std::vector<PeerAddress> members, std::string document,
                                                                    model::Milliseconds deadline) = 0;
  // GET {api}/liveness: does anybody answer there? For the duplicate-name check at start.
  virtual boost::asio::awaitable<bool> answers(PeerAddress member, model::Milliseconds deadline) = 0;
};

}  // namespace matriarch::ports
