// What agent and guardian say to each other over the control socket (SEQPACKET in the run directory, 0600): one fixed
// message each way. The socket carries orders and news; how long PostgreSQL may serve stands on the page alone.
//
// Who may ask: only processes of the guardian's own user (and root). What starts, adopts, fences or ends something is
// taken from the agent alone, known by its pid.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "guardian/page.hpp"
#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::guardian {

enum class MessageKind : std::uint32_t {
  // Requests. Each is answered by kDone or kRefused with the same `request` number.
  kLook = 1,    // the page has changed in a way that must be seen now (armed, stood down, lease given up). The answer
                // comes after the guardian acted on it; what it made of it stands in the acknowledgement.
  kFork = 2,    // start PostgreSQL; descriptors: a memfd with the Launch, then the one for its stdout and stderr.
                // kDone: `process`. EAGAIN: something of the last one is left, ask again; EACCES: no lease
  kAdopt = 3,   // take `process`, a running postmaster, under guard. Only as a primary of ours it
                // needs ground on the page
  kFence = 4,   // kill PostgreSQL now, whatever the lease says. kDone means begun; kFenced follows
  kGoodbye = 5,   // the agent is stopping: do not start it again, end with exit code `status` after it
  kGoodbyeLeaving = 8,  // the same, and PostgreSQL goes on without us, unless the page says that it may write
  kReplace = 6,   // execute the guardian's program anew in this process. kDone: the new one is on trial; it
                  // takes over if it starts and understands the page (`replacements` counts; connections stay open)
  kSubscribe = 7,  // news to this connection from now on
  // Answers.
  kDone = 16,
  kRefused = 17,  // `status`: an errno value; `text`: why
  // News, to the agent's connections that subscribed; `request` is 0.
  kPostmasterEnded = 32,  // `process`; `status` as of waitpid(2), -1 if unknown; every process of it is gone
  kFenced = 33,           // `status`: a FenceReason; every process is gone
};

struct ControlMessage {
  std::uint32_t magic = 0x4d415452;
  std::uint32_t version = 1;
  MessageKind kind = MessageKind::kLook;
  std::uint32_t request = 0;  // chosen by who asks; a kLook with 0 wants no answer
  ProcessRef process;
  std::int64_t status = 0;
  std::array<char, 216> text{};  // for people; zero-terminated

  std::string_view words() const;
};

void set_text(ControlMessage& message, std::string_view text) noexcept;
ControlMessage refused(int code, std::string_view why);
ControlMessage refused(const system::SystemError& error);

system::SystemResult<void> send_control(const system::Fd& socket, const ControlMessage& message,
                                        std::span<const int> fds = {});

struct ReceivedControl {
  ControlMessage message;
  std::vector<system::Fd> fds;
};
// Nothing when the peer has closed; EAGAIN when there is no message; EBADMSG when it is none of ours.
system::SystemResult<std::optional<ReceivedControl>> receive_control(const system::Fd& socket);

}  // namespace matriarch::guardian
