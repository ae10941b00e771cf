// Real store processes for tests: started, stopped, killed, wiped; and a client of etcd's API that blocks.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/http.hpp"

namespace matriarch::consensus::test {

using Clock = std::chrono::steady_clock;

using namespace std::chrono_literals;

// One HTTP exchange; the status is 0 when there was no answer.
struct Reply {
  unsigned status = 0;
  boost::json::object body = {};
  std::string text = {};
  bool may_have_been_processed = false;
  std::string error() const;  // the gateway's message, or why there was no answer
};
Reply post(std::uint16_t port, const std::string& path, const boost::json::object& body,
           std::chrono::milliseconds timeout = 5000ms);
std::string encode64(const std::string& text);
std::string decode64(const boost::json::value& text);

class StoreCluster {
 public:
  struct Options {
    std::vector<std::string> peers = {};  // of this node; empty: all of the cluster
    std::string secret = "hush";
    std::vector<std::string> flags = {};
  };

  // Directories and ports for so many nodes, named n1, n2, ...; nothing is started.
  explicit StoreCluster(std::size_t nodes);
  ~StoreCluster();  // kills and removes all; prints the logs when the test has failed

  void start(std::size_t node);
  void start(std::size_t node, const Options& options);
  void start_all();
  void signal(std::size_t node, int number);  // with SIGKILL and SIGTERM, waits for the end
  std::optional<int> wait_for_exit(std::size_t node, std::chrono::milliseconds patience);  // its exit code
  void wipe(std::size_t node);
  bool is_running(std::size_t node) const { return nodes_[node].pid > 0; }
  std::size_t size() const { return nodes_.size(); }

  std::uint16_t port(std::size_t node) const { return nodes_[node].client_port; }
  std::string raft_address(std::size_t node) const;
  std::string directory(std::size_t node) const;
  std::string socket(std::size_t node) const;
  std::string log_of(std::size_t node) const;
  pid_t pid(std::size_t node) const { return nodes_[node].pid; }

  boost::json::object status(std::size_t node) const;  // empty when it does not answer
  std::optional<std::size_t> leader() const;
  std::string statuses() const;  // of all that run, for a test's complaint
  // Waits for a leader that serves; fails the test after the patience.
  std::size_t await_leader(std::chrono::milliseconds patience = 15'000ms) const;
  // Voters' names as the leader has them.
  std::vector<std::string> voters() const;
  // So many voters, all up, all knowing that they are so many, and no change under way. A voter that has not heard of it yet
  // would not vote (src/consensus/README.md, libraft).
  bool has_settled_with(std::size_t voters) const;

  // False after the patience.
  static bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience = 20'000ms);

 private:
  struct Process {
    std::uint16_t raft_port = 0;
    std::uint16_t client_port = 0;
    pid_t pid = 0;
  };
  std::string root_;
  std::vector<Process> nodes_;
};

// etcd's API in the words of the tests, on one node.
class Client {
 public:
  explicit Client(std::uint16_t port) : port_(port) {}

  Reply put(const std::string& key, const std::string& value, const std::string& lease = "");
  Reply get(const std::string& key, bool serializable = false);
  // Every key that begins so, read linearizably; nothing when it was not answered.
  std::optional<std::set<std::string>> keys_below(const std::string& prefix);
  // Value of a get that was answered; nothing when the key is absent.
  static std::optional<std::string> value_of(const Reply& reply);
  Reply compare_and_set(const std::string& key, const std::optional<std::string>& expected, const std::string& value);
  static bool succeeded(const Reply& reply);
  std::string grant(std::int64_t ttl_ms);  // the id; empty when it failed
  bool keep_alive(const std::string& lease);
  std::optional<std::chrono::milliseconds> remaining(const std::string& lease);

  std::chrono::milliseconds timeout = 3000ms;

 private:
  Reply send(const std::string& path, const boost::json::object& body);
  std::uint16_t port_;
};

}  // namespace matriarch::consensus::test
