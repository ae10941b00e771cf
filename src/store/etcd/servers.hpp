// Which server to ask next: the preferred one while it answers, another one while it does not. Pure but for the clock's
// value that is passed in.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "net/http_client.hpp"

namespace matriarch::store::etcd {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

struct Server {
  net::Endpoint endpoint;
  std::string name;           // for messages and comparison: "10.0.0.1:2379", "unix:/run/..."
  bool is_configured = true;  // else learnt from the member list
  bool is_verified = true;    // known to belong to our cluster, so that nothing is written to another one
  // After a failure the server is asked last until then.
  Clock::time_point avoid_until{};
  std::chrono::milliseconds pause{0};
  std::shared_ptr<net::HttpClient> http;
};

std::string name_of(const net::Endpoint& endpoint);

class Servers {
 public:
  // `prefers_first`: the first configured server is asked first whenever it is not avoided (the store of our own
  // node); else the one that answered last.
  explicit Servers(bool prefers_first) : prefers_first_(prefers_first) {}

  // Keeps the state of servers that are in both lists.
  void set(std::vector<std::shared_ptr<Server>> servers);
  const std::vector<std::shared_ptr<Server>>& all() const { return servers_; }
  std::vector<std::shared_ptr<Server>> in_order(Clock::time_point now) const;

  void succeeded(const std::shared_ptr<Server>& server);
  // A silent server costs time each time it is asked, so it is left alone longer than one that refuses at once.
  void failed(const std::shared_ptr<Server>& server, bool was_silent, Clock::time_point now);

 private:
  bool prefers_first_;
  std::vector<std::shared_ptr<Server>> servers_;
  std::string current_;  // name of the one that answered last
};

}  // namespace matriarch::store::etcd
