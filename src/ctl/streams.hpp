// Where a command reads and writes; tests give it strings.
#pragma once

#include <istream>
#include <ostream>

namespace matriarch::ctl {

struct Streams {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  // The process is this command alone: it may take over Ctrl-C, the terminal's echo and child processes.
  bool owns_process = false;
};

}  // namespace matriarch::ctl
