#include "agent/alarm.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace matriarch::agent {

namespace asio = boost::asio;

asio::awaitable<void> Alarm::sleep_until(model::Instant when) {
  if (!rung_) {
    asleep_ = true;
    co_await asio::co_spawn(executor_, clock_.sleep_until(when), asio::bind_cancellation_slot(signal_.slot(), asio::use_awaitable));
    asleep_ = false;
  }
  rung_ = false;
}

void Alarm::ring() {
  if (rung_) return;
  rung_ = true;
  if (asleep_) signal_.emit(asio::cancellation_type::terminal);
}

}  // namespace matriarch::agent
