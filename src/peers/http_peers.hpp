#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "model/settings.hpp"
#include "net/http_client.hpp"
#include "ports/peers.hpp"

namespace matriarch::peers {

// Lives on one executor. `warn` gets one line for each answer that failed.
class HttpPeers : public ports::Peers {
 public:
  HttpPeers(boost::asio::any_io_executor executor, std::shared_ptr<const model::Settings> settings, std::function<void(std::string)> warn);
  void apply_settings(std::shared_ptr<const model::Settings> settings);

  boost::asio::awaitable<void> poll(std::vector<ports::PeerAddress> members, model::Milliseconds deadline,
                                    std::function<void(model::MemberName, model::PeerStatus)> on_answer) override;
  boost::asio::awaitable<model::FailsafeRound> ask_failsafe(std::vector<ports::PeerAddress> members, std::string document,
                                                            model::Milliseconds deadline) override;
  boost::asio::awaitable<bool> answers(ports::PeerAddress member, model::Milliseconds deadline) override;

 private:
  // What one member's URL is taken apart into.
  struct Target {
    net::Endpoint endpoint;
    std::string path;
  };
  model::Result<Target, std::string> take_apart(const std::string& api_url, const std::string& path) const;
  boost::asio::awaitable<net::NetResult<net::HttpResponse>> ask(std::string api_url, std::string path, net::HttpRequest request, model::Milliseconds timeout);
  boost::asio::awaitable<void> poll_one(ports::PeerAddress member, model::Milliseconds deadline, std::function<void(model::MemberName, model::PeerStatus)> on_answer);
  boost::asio::awaitable<void> ask_one_failsafe(ports::PeerAddress member, std::string document, model::Milliseconds deadline, model::FailsafeRound* round);

  boost::asio::any_io_executor executor_;
  std::shared_ptr<const model::Settings> settings_;
  std::function<void(std::string)> warn_;
  net::TlsContext tls_;
  std::map<std::string, std::shared_ptr<net::HttpClient>> clients_;  // by scheme, host and port
};

}  // namespace matriarch::peers
