#include "postgres/watching.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>

namespace matriarch::postgres {

struct Watching::State : std::enable_shared_from_this<State> {
  State(const asio::any_io_executor& executor, system::Fd fd, std::function<bool()> callback)
      : descriptor(executor, fd.release()), on_ready(std::move(callback)) {}

  void wait() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
      if (error || !self->on_ready) return;
      const auto callback = self->on_ready;  // may be taken away while it runs
      if (callback() && self->on_ready) self->wait();
    });
  }

  asio::posix::stream_descriptor descriptor;
  std::function<bool()> on_ready;
};

Watching::Watching(asio::any_io_executor executor, system::Fd fd, std::function<bool()> on_ready)
    : state_(std::make_shared<State>(executor, std::move(fd), std::move(on_ready))) {
  state_->wait();
}

Watching::~Watching() {
  if (!state_) return;
  state_->on_ready = nullptr;
  boost::system::error_code ignored;  // closing a descriptor that only watches tells nothing
  state_->descriptor.close(ignored);
}

Watching& Watching::operator=(Watching&& other) noexcept {
  Watching old(std::move(*this));
  state_ = std::move(other.state_);
  return *this;
}

asio::awaitable<Watching> watch_file(FileThreads& threads, std::string path, std::function<void()> on_change) {
  const auto executor = co_await asio::this_coro::executor;
  auto open = [path = std::move(path)]() -> std::shared_ptr<system::Fd> {
    system::Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!fd || ::inotify_add_watch(fd.get(), path.c_str(), IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE) < 0) return nullptr;
    return std::make_shared<system::Fd>(std::move(fd));
  };
  const auto fd = co_await on_file_thread(threads, std::move(open));
  if (!fd) co_return Watching();
  const int number = fd->get();
  auto on_ready = [number, on_change = std::move(on_change)] {
    std::array<char, 4096> events;
    while (::read(number, events.data(), events.size()) > 0) {
    }
    on_change();
    return true;
  };
  co_return Watching(executor, std::move(*fd), std::move(on_ready));
}

}  // namespace matriarch::postgres
