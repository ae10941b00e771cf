#include "consensus/raft/driver.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>

namespace matriarch::consensus::raft {

namespace asio = boost::asio;

struct Driver::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor executor, bridge* its_bridge, std::function<void()> its_after_pass)
      : bridge_(its_bridge),
        after_pass(std::move(its_after_pass)),
        // A descriptor of our own for the same epoll instance: Asio closes what it watches.
        events(executor, ::dup(bridge_fd(its_bridge))),
        timer(executor) {}

  void watch() {
    events.async_wait(asio::posix::stream_descriptor::wait_read, [self = shared_from_this()](auto error) {
      if (error || self->stopped) return;
      self->pass();
      self->watch();
    });
  }

  void kick() {
    if (kicked || stopped) return;
    kicked = true;
    asio::post(events.get_executor(), [self = shared_from_this()] {
      self->kicked = false;
      if (!self->stopped) self->pass();
    });
  }

  void pass() {
    bridge_run(bridge_);
    after_pass();
    if (stopped) return;
    const int wait = bridge_timeout(bridge_);
    if (wait == 0) return kick();
    if (wait > 0) wake_by(std::chrono::steady_clock::now() + std::chrono::milliseconds(wait));
  }

  // A timer that is set already and rings earlier stays: its pass finds nothing to do and sets the next one, which is cheaper than
  // to set it anew at each pass.
  void wake_by(std::chrono::steady_clock::time_point when) {
    if (is_set && timer.expiry() <= when) return;
    is_set = true;
    timer.expires_at(when);
    timer.async_wait([self = shared_from_this()](auto error) {
      if (error) return;  // set anew
      self->is_set = false;
      if (!self->stopped) self->pass();
    });
  }

  bridge* bridge_;
  std::function<void()> after_pass;
  asio::posix::stream_descriptor events;
  asio::steady_timer timer;
  bool kicked = false;
  bool is_set = false;  // the timer
  bool stopped = false;
};

Driver::Driver(asio::any_io_executor executor, bridge* bridge, std::function<void()> after_pass)
    : state_(std::make_shared<State>(std::move(executor), bridge, std::move(after_pass))) {
  state_->watch();
  state_->kick();
}

Driver::~Driver() {
  state_->stopped = true;
  state_->timer.cancel();
  state_->events.close();
}

void Driver::kick() { state_->kick(); }

}  // namespace matriarch::consensus::raft
