#include "system/terminal.hpp"

#include <unistd.h>

namespace matriarch::system {

SilentTerminal::SilentTerminal(int fd) : fd_(fd), is_terminal_(::isatty(fd) == 1 && ::tcgetattr(fd, &usual_) == 0) {
  if (!is_terminal_) return;
  termios silent = usual_;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(fd_, TCSAFLUSH, &silent);
}

SilentTerminal::~SilentTerminal() {
  if (is_terminal_) ::tcsetattr(fd_, TCSAFLUSH, &usual_);
}

}  // namespace matriarch::system
