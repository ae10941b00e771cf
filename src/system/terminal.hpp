// A terminal that shows nothing of what is typed, for as long as this lives; nothing happens where there is no terminal.
#pragma once

#include <termios.h>

namespace matriarch::system {

class SilentTerminal {
 public:
  explicit SilentTerminal(int fd);
  ~SilentTerminal();
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  bool is_terminal() const { return is_terminal_; }

 private:
  int fd_;
  bool is_terminal_;
  termios usual_{};
};

}  // namespace matriarch::system
