#include "guardian/control_server.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

namespace matriarch::guardian {
namespace {

bool is_readable(std::span<const pollfd> ready, int fd) {
  return std::any_of(ready.begin(), ready.end(), [fd](const pollfd& entry) { return entry.fd == fd && entry.revents != 0; });
}

}  // namespace

system::SystemResult<ControlServer> ControlServer::listen(const std::string& path) {
  auto listener = system::listen_seqpacket(path);
  if (!listener) return tl::unexpected(listener.error());
  return ControlServer(std::move(*listener));
}

ControlServer ControlServer::take_over(system::Fd listener, std::vector<Handed> connections) {
  ControlServer server(std::move(listener));
  for (Handed& connection : connections) server.add(std::move(connection.fd), connection.wants_news);
  return server;
}

std::optional<ControlServer::Request> ControlServer::next(std::span<const pollfd> ready) {
  if (is_readable(ready, listener_.get())) accept_all();
  for (std::size_t i = 0; i < connections_.size();) {
    Connection& connection = connections_[i];
    if (!is_readable(ready, connection.fd.get())) {
      ++i;
      continue;
    }
    auto received = receive_control(connection.fd);
    if (received && *received) {
      return Request{.connection = connection.id, .peer = connection.peer, .received = std::move(**received)};
    }
    const bool only_empty = !received && received.error().code == EAGAIN;
    if (only_empty) {
      ++i;
    } else {
      drop(connection.id);
    }
  }
  return std::nullopt;
}

void ControlServer::answer(std::uint64_t id, const ControlMessage& message) {
  const auto at = std::find_if(connections_.begin(), connections_.end(), [id](const auto& known) { return known.id == id; });
  if (at != connections_.end() && !send_control(at->fd, message)) drop(id);
}

void ControlServer::subscribe(std::uint64_t id) {
  for (Connection& connection : connections_) {
    if (connection.id == id) connection.wants_news = true;
  }
}

void ControlServer::tell(pid_t process, const ControlMessage& news) {
  for (std::size_t i = connections_.size(); i-- > 0;) {
    if (connections_[i].peer.pid == process && connections_[i].wants_news) answer(connections_[i].id, news);
  }
}

void ControlServer::watch(std::vector<pollfd>& fds) const {
  fds.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
  for (const Connection& connection : connections_) fds.push_back({.fd = connection.fd.get(), .events = POLLIN, .revents = 0});
}

std::vector<std::pair<int, bool>> ControlServer::connections() const {
  std::vector<std::pair<int, bool>> all;
  for (const Connection& connection : connections_) all.emplace_back(connection.fd.get(), connection.wants_news);
  return all;
}

void ControlServer::accept_all() {
  while (auto connection = system::accept_seqpacket(listener_)) {
    if (connections_.size() < kMostConnections) add(std::move(*connection), false);
  }
}

void ControlServer::add(system::Fd fd, bool wants_news) {
  const auto peer = system::peer_credentials(fd);
  if (!peer || (peer->uid != ::geteuid() && peer->uid != 0)) return;
  connections_.push_back({.id = next_id_++, .fd = std::move(fd), .peer = *peer, .wants_news = wants_news});
}

void ControlServer::drop(std::uint64_t id) {
  std::erase_if(connections_, [id](const Connection& connection) { return connection.id == id; });
}

}  // namespace matriarch::guardian
