// How a command ends early. Thrown inside this room only; ctl::run turns them into output and exit codes.
#pragma once

#include <string>

namespace matriarch::ctl {

// "Error: TEXT" on stderr.
struct Failure {
  std::string text;
  int exit_code = 1;
};

// Ctrl-C, or the end of the input at a prompt: "Aborted!".
struct Aborted {};

// The command line itself is wrong: usage, a hint, "Error: TEXT"; exit code 2.
struct UsageError {
  std::string usage;    // "Usage: patronictl list [OPTIONS] [CLUSTER_NAMES]..."
  std::string command;  // "patronictl list"
  std::string text;
};

struct HelpRequested {
  std::string text;
};

}  // namespace matriarch::ctl
