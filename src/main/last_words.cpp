#include "main/last_words.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

namespace matriarch::main {

void watch_guardian(std::shared_ptr<const guardian::LastResort> last_resort) {
  std::thread([last_resort = std::move(last_resort)] {
    pollfd ended{last_resort->fd(), POLLIN, 0};
    while (::poll(&ended, 1, -1) < 0 && errno == EINTR) {
    }
    (void)last_resort->act();
    ::_exit(guardian::LastResort::kGuardianGone);
  }).detach();
}

}  // namespace matriarch::main
