#include "ctl/interrupt.hpp"

#include <atomic>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace matriarch::ctl {
namespace {

std::atomic<const char*>& parting_words() {
  static std::atomic<const char*> words{nullptr};
  return words;
}

void write_all(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;  // nobody listens; the exit code says it
}

void on_interrupt(int) {
  write_all("\nAborted!\n");
  if (const char* words = parting_words().load()) write_all(words);
  ::_exit(1);
}

}  // namespace

void abort_on_interrupt() {
  parting_words().store(nullptr);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
}

void say_on_interrupt(const char* text) { parting_words().store(text); }

}  // namespace matriarch::ctl
