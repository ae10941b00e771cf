// A pipe, and reading it to its end.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "system/fd.hpp"

namespace matriarch::system {

struct APipe {
  Fd read_end;
  Fd write_end;

  APipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read_end.reset(fds[0]);
    write_end.reset(fds[1]);
  }

  // Up to the end, which comes when every writer has closed; throws when that takes longer than ten seconds.
  std::string read_to_end() {
    write_end.reset();
    std::string all;
    while (true) {
      const std::string piece = read_some();
      if (piece.empty()) return all;
      all += piece;
    }
  }
  // What is there, at least one byte; empty at the end.
  std::string read_some() {
    pollfd wanted{.fd = read_end.get(), .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, 10'000) <= 0) throw std::runtime_error("nothing came through the pipe");
    char buffer[4096];
    const auto size = ::read(read_end.get(), buffer, sizeof buffer);
    return std::string(buffer, size > 0 ? static_cast<std::size_t>(size) : 0);
  }
};

}  // namespace matriarch::system
