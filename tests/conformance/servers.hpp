// A store cluster under test: real processes on free ports of this machine, with a private directory, gone with the object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "system/process.hpp"

namespace matriarch::conformance {

enum class Kind { kEtcd, kEmbedded };

// What one kind of store can do that the other cannot.
struct Abilities {
  bool counts_milliseconds = false;    // else the ttl is whole seconds, 2 at least
  bool sends_progress_often = false;   // else every ten minutes
};
Abilities abilities_of(Kind kind);

// How etcd is to be reached; empty: in clear text by everybody.
struct Protection {
  std::string certfile, keyfile, cafile;  // a client without a certificate of that authority is turned away
  int token_ttl_s = 300;                  // of a login, once there are users
};

class Cluster {
 public:
  // Waits until all of `size` servers run; they may still elect. Throws when one ends at its start.
  Cluster(Kind kind, int size, Protection protection = {});
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  std::uint16_t port(int server) const { return nodes_[static_cast<std::size_t>(server)].client_port; }
  std::uint16_t peer_port(int server) const { return nodes_[static_cast<std::size_t>(server)].peer_port; }
  int size() const { return static_cast<int>(nodes_.size()); }

  void kill(int server);      // SIGKILL, and waits for the end
  void suspend(int server);   // SIGSTOP
  void resume(int server);    // SIGCONT
  void start(int server);     // again, with its data

 private:
  struct Node {
    std::uint16_t client_port = 0;
    std::uint16_t peer_port = 0;
    system::Child child;
  };
  std::vector<std::string> etcd_command(int server) const;
  std::vector<std::string> embedded_command(int server) const;
  std::string data_directory(int server) const;
  std::string log_file(int server) const;
  std::string end_of_log(int server) const;

  Kind kind_;
  Protection protection_;
  std::string directory_;
  std::vector<Node> nodes_;
};

// A TCP port of the loopback address that nobody uses now.
std::uint16_t a_free_port();

// The kind of this run, from the command line.
Kind kind_under_test();
void set_kind_under_test(Kind kind);

}  // namespace matriarch::conformance
