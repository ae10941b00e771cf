// Unix sockets that keep message boundaries (SOCK_SEQPACKET) and carry descriptors beside the bytes.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

inline constexpr std::size_t kMaxPassedFds = 16;

// Descriptors made here are close-on-exec; blocking, unless `nonblocking`.
SystemResult<std::pair<Fd, Fd>> seqpacket_pair(bool nonblocking = false);
// A stale socket file is replaced; one that somebody listens on is EADDRINUSE. Paths over 107 bytes are ENAMETOOLONG.
SystemResult<Fd> listen_seqpacket(const std::string& path, mode_t mode = 0600, bool nonblocking = true);
SystemResult<Fd> accept_seqpacket(const Fd& listener, bool nonblocking = true);
SystemResult<Fd> connect_seqpacket(const std::string& path, bool nonblocking = false);

// One message, whole or not at all. Empty messages are EINVAL: a receiver could not tell them from the end.
// A peer that went away is EPIPE, never a signal; a full queue of a non-blocking socket is EAGAIN.
SystemResult<void> send_message(const Fd& socket, std::span<const std::byte> bytes, std::span<const int> fds = {});
SystemResult<void> send_message(const Fd& socket, std::string_view bytes, std::span<const int> fds = {});

struct Message {
  std::size_t size = 0;  // bytes written to the caller's buffer
  std::vector<Fd> fds;   // close-on-exec
};
// Nothing when the peer has closed; EAGAIN when a non-blocking socket has no message; EMSGSIZE when the message did not
// fit the buffer (it is lost, its descriptors are closed).
SystemResult<std::optional<Message>> receive_message(const Fd& socket, std::span<std::byte> buffer);

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};
// Who connected (or made the pair), as the kernel saw it at that time.
SystemResult<PeerCredentials> peer_credentials(const Fd& socket);

}  // namespace matriarch::system
