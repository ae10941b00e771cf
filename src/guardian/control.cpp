#include "guardian/control.hpp"

#include <algorithm>
#include <cstring>

#include "system/unix_socket.hpp"

namespace matriarch::guardian {
namespace {

static_assert(std::is_trivially_copyable_v<ControlMessage>);

bool is_known(MessageKind kind) {
  switch (kind) {
    case MessageKind::kLook:
    case MessageKind::kFork:
    case MessageKind::kAdopt:
    case MessageKind::kFence:
    case MessageKind::kGoodbye:
    case MessageKind::kGoodbyeLeaving:
    case MessageKind::kReplace:
    case MessageKind::kSubscribe:
    case MessageKind::kDone:
    case MessageKind::kRefused:
    case MessageKind::kPostmasterEnded:
    case MessageKind::kFenced:
      return true;
  }
  return false;
}

}  // namespace

std::string_view ControlMessage::words() const {
  return {text.data(), static_cast<std::size_t>(std::find(text.begin(), text.end(), '\0') - text.begin())};
}

void set_text(ControlMessage& message, std::string_view text) noexcept {
  message.text.fill('\0');
  std::copy_n(text.begin(), std::min(text.size(), message.text.size() - 1), message.text.begin());
}

ControlMessage refused(int code, std::string_view why) {
  ControlMessage message{.kind = MessageKind::kRefused, .status = code};
  set_text(message, why);
  return message;
}

ControlMessage refused(const system::SystemError& error) { return refused(error.code, error.message()); }

system::SystemResult<void> send_control(const system::Fd& socket, const ControlMessage& message,
                                        std::span<const int> fds) {
  return system::send_message(socket, std::as_bytes(std::span(&message, 1)), fds);
}

system::SystemResult<std::optional<ReceivedControl>> receive_control(const system::Fd& socket) {
  ReceivedControl received;
  auto got = system::receive_message(socket, std::as_writable_bytes(std::span(&received.message, 1)));
  if (!got) return tl::unexpected(got.error());
  if (!*got) return std::optional<ReceivedControl>();
  const ControlMessage expected;
  const ControlMessage& message = received.message;
  if ((*got)->size != sizeof message || message.magic != expected.magic || message.version != expected.version ||
      !is_known(message.kind)) {
    return system::failed_with(EBADMSG, "understand a control message");
  }
  received.fds = std::move((*got)->fds);
  return std::optional(std::move(received));
}

}  // namespace matriarch::guardian
