#include "system/unix_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

namespace matriarch::system {
namespace {

constexpr int kBacklog = 64;

int socket_type(bool nonblocking) {
  return SOCK_SEQPACKET | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0);
}

SystemResult<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return failed_with(path.empty() ? EINVAL : ENAMETOOLONG, "use the socket path '" + path + "'");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// A socket file outlives its listener; only a connection attempt tells whether somebody still listens.
bool is_stale(const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(address.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const Fd probe(::socket(AF_UNIX, socket_type(true), 0));
  return probe && ::connect(probe.get(), generic(address), sizeof address) != 0 && errno == ECONNREFUSED;
}

std::vector<Fd> take_fds(msghdr& header) {
  std::vector<Fd> fds;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr; control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

SystemResult<std::pair<Fd, Fd>> seqpacket_pair(bool nonblocking) {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, socket_type(nonblocking), 0, fds) != 0) return failed("make a socket pair");
  return std::pair(Fd(fds[0]), Fd(fds[1]));
}

SystemResult<Fd> listen_seqpacket(const std::string& path, mode_t mode, bool nonblocking) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  Fd fd(::socket(AF_UNIX, socket_type(nonblocking), 0));
  if (!fd) return failed("make a socket for", path);
  if (is_stale(*address)) ::unlink(path.c_str());
  // The permission is set on the socket before it has a name, so that there is no moment with a wider one.
  if (::fchmod(fd.get(), mode) != 0) return failed("set the mode of", path);
  if (::bind(fd.get(), generic(*address), sizeof *address) != 0) return failed("bind", path);
  if (::chmod(path.c_str(), mode) != 0) return failed("set the mode of", path);
  if (::listen(fd.get(), kBacklog) != 0) return failed("listen on", path);
  return fd;
}

SystemResult<Fd> accept_seqpacket(const Fd& listener, bool nonblocking) {
  Fd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0)));
  if (!fd) return failed("accept a connection");
  return fd;
}

SystemResult<Fd> connect_seqpacket(const std::string& path, bool nonblocking) {
  const auto address = address_of(path);
  if (!address) return tl::unexpected(address.error());
  Fd fd(::socket(AF_UNIX, socket_type(nonblocking), 0));
  if (!fd) return failed("make a socket for", path);
  if (::connect(fd.get(), generic(*address), sizeof *address) != 0) return failed("connect to", path);
  return fd;
}

SystemResult<void> send_message(const Fd& socket, std::span<const std::byte> bytes, std::span<const int> fds) {
  if (bytes.empty() || fds.size() > kMaxPassedFds) return failed_with(EINVAL, "send a message");
  // sendmsg() only reads what iov_base points at; its type cannot say so.
  iovec part{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(kMaxPassedFds * sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!fds.empty()) {
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* first = CMSG_FIRSTHDR(&header);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(first), fds.data(), fds.size_bytes());
  }
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket.get(), &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return failed("send a message");
  return {};
}

SystemResult<void> send_message(const Fd& socket, std::string_view bytes, std::span<const int> fds) {
  return send_message(socket, std::as_bytes(std::span(bytes)), fds);
}

SystemResult<std::optional<Message>> receive_message(const Fd& socket, std::span<std::byte> buffer) {
  iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(kMaxPassedFds * sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t received = -1;
  do {
    received = ::recvmsg(socket.get(), &header, MSG_CMSG_CLOEXEC);
  } while (received < 0 && errno == EINTR);
  if (received < 0) return failed("receive a message");
  Message message{.size = static_cast<std::size_t>(received), .fds = take_fds(header)};
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return failed_with(EMSGSIZE, "receive a message");
  if (message.size == 0) return std::optional<Message>();
  return std::optional<Message>(std::move(message));
}

SystemResult<PeerCredentials> peer_credentials(const Fd& socket) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return failed("read the peer's credentials");
  }
  return PeerCredentials{.pid = credentials.pid, .uid = credentials.uid, .gid = credentials.gid};
}

}  // namespace matriarch::system
