// The guardian's end of the control socket: a handful of connections, never waited for.
#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "guardian/control.hpp"
#include "system/unix_socket.hpp"

namespace matriarch::guardian {

class ControlServer {
 public:
  static constexpr std::size_t kMostConnections = 8;  // the agent has two; the rest is for an operator's tools

  // Replaces the socket file of a guardian that is gone.
  static system::SystemResult<ControlServer> listen(const std::string& path);
  struct Handed {
    system::Fd fd;
    bool wants_news = false;
  };
  // Descriptors of a guardian that replaced itself.
  static ControlServer take_over(system::Fd listener, std::vector<Handed> connections);

  struct Request {
    std::uint64_t connection = 0;
    system::PeerCredentials peer;
    ReceivedControl received;
  };
  // The next request that has arrived on a descriptor that `ready` (filled by watch() and poll()) calls readable.
  // Accepts and drops connections on the way; drops those of other users, and those that speak something else.
  std::optional<Request> next(std::span<const pollfd> ready);

  // An answer that the peer has no room for ends the connection: it stopped reading.
  void answer(std::uint64_t connection, const ControlMessage& message);
  void subscribe(std::uint64_t connection);
  // To every connection of that process that subscribed.
  void tell(pid_t process, const ControlMessage& news);

  // Appends the descriptors to watch.
  void watch(std::vector<pollfd>& fds) const;
  int listener() const noexcept { return listener_.get(); }
  // For each connection: its descriptor, and whether it subscribed.
  std::vector<std::pair<int, bool>> connections() const;

 private:
  struct Connection {
    std::uint64_t id = 0;
    system::Fd fd;
    system::PeerCredentials peer;
    bool wants_news = false;
  };

  explicit ControlServer(system::Fd listener) : listener_(std::move(listener)) { connections_.reserve(kMostConnections); }
  void accept_all();
  void add(system::Fd fd, bool wants_news);
  void drop(std::uint64_t id);

  system::Fd listener_;
  std::vector<Connection> connections_;
  std::uint64_t next_id_ = 1;
};

}  // namespace matriarch::guardian
