#include "runtime/guardian_client.hpp"

#include <fcntl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "guardian/run_directory.hpp"
#include "guardian/marks.hpp"
#include "guardian/wall_offset.hpp"
#include "system/clock.hpp"
#include "system/unix_socket.hpp"

namespace matriarch::runtime {

namespace asio = boost::asio;
using guardian::MessageKind;

model::Result<std::unique_ptr<GuardianClient>, std::string> GuardianClient::open(asio::any_io_executor keeper, GuardianPlace place) {
  auto last_resort = guardian::LastResort::watch(place.run_directory, place.data_directory);
  if (!last_resort) return tl::unexpected("cannot find the guardian: " + last_resort.error().message());
  auto bell = system::connect_seqpacket(guardian::control_path(place.run_directory), true);
  if (!bell) return tl::unexpected("cannot reach the guardian: " + bell.error().message());
  return std::unique_ptr<GuardianClient>(new GuardianClient(std::move(keeper), place, std::move(*last_resort), std::move(*bell)));
}

// What an earlier agent wrote stays true until this one knows better.
GuardianClient::GuardianClient(asio::any_io_executor keeper, const GuardianPlace& place, guardian::LastResort last_resort, system::Fd bell)
    : keeper_(keeper),
      last_resort_(std::move(last_resort)),
      line_(std::move(keeper), place.run_directory),
      bell_(std::move(bell)),
      last_wall_offset_(guardian::wall_offset()) {
  const auto lease = page().lease().read();
  if (lease.status == guardian::ReadStatus::kGood) lease_ = lease.value;
  const auto posture = page().posture().read();
  if (posture.status == guardian::ReadStatus::kGood) posture_ = posture.value;
  posture_.agent = guardian::identify(::getpid()).value_or(guardian::ProcessRef{});
  posture_.max_ttl = guardian::Duration(place.max_ttl).count();
  guardian::set_member(posture_, place.member);
  page().posture().write(posture_);
}

// ---- the keeper's thread -------------------------------------------------------------------------------------------

void GuardianClient::note_sending() { last_wall_offset_ = guardian::wall_offset(); }

void GuardianClient::publish_lease(model::SessionToken session, std::uint64_t term, model::Instant valid_until) {
  const bool is_shortened = valid_until.time_since_epoch().count() < lease_.valid_until;
  // The renewal was sent after the last one was published: the offset of then is not younger than the sending. Of the two
  // the smaller one, which makes a jump ahead in between count against the lease.
  const guardian::Duration offset = guardian::wall_offset();
  const guardian::Duration not_younger = std::min(offset, std::exchange(last_wall_offset_, offset));
  lease_.term = term;
  lease_.token = session.value;
  lease_.valid_until = valid_until.time_since_epoch().count();
  lease_.wall_offset = not_younger.count();
  lease_.written_at = system::boot_time().count();
  ++lease_.writes;
  page().lease().write(lease_);
  if (is_shortened) ring();
}

model::LeaseState GuardianClient::resumable_lease() const {
  const auto lease = page().lease().read();
  if (lease.status != guardian::ReadStatus::kGood || lease.value.token == 0) return {};
  const model::Instant now(system::boot_time());
  const guardian::Instant until = guardian::lease_end(lease.value, guardian::Duration(posture_.max_ttl),
                                                      guardian::Instant(now.time_since_epoch()), guardian::wall_offset());
  const model::Instant valid_until(until.time_since_epoch());
  if (valid_until <= now) return {};
  model::LeaseState state;
  state.outcome = model::LeaseOutcome::kHeld;
  state.session = model::SessionToken{lease.value.token};
  state.term = lease.value.term;
  state.valid_until = valid_until;
  state.armed = acknowledgement().armed_term == lease.value.term;
  return state;
}

asio::awaitable<model::Result<void, ports::GuardianError>> GuardianClient::arm(std::uint64_t term, model::Milliseconds timeout) {
  lease_.armed_term = term;
  page().lease().write(lease_);
  const guardian::ControlMessage look{.kind = MessageKind::kLook};
  std::vector<system::Fd> none;
  const auto looked = co_await line_.ask(look, std::move(none), timeout);
  if (!looked) co_return tl::unexpected(ports::GuardianError{.what = looked.error()});
  if (acknowledgement().armed_term != term) {
    co_return tl::unexpected(ports::GuardianError{.what = "the guardian does not watch this lease: it ends too soon, or is not the one on the page"});
  }
  co_return model::Result<void, ports::GuardianError>();
}

void GuardianClient::stand_down(std::string) {
  if (lease_.armed_term == 0) return;
  lease_.armed_term = 0;
  page().lease().write(lease_);
}

asio::awaitable<guardian::LastResort::Outcome> GuardianClient::guardian_lost() {
  asio::posix::stream_descriptor guardian_ended(keeper_, ::fcntl(last_resort_.fd(), F_DUPFD_CLOEXEC, 0));
  const auto [error] = co_await guardian_ended.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
  if (error) throw boost::system::system_error(error);  // cancelled: the agent itself is to end
  co_return last_resort_.act();
}

// ---- the main thread -----------------------------------------------------------------------------------------------

void GuardianClient::publish_writable(bool may_write) {
  guardian::Posture posture = posture_;
  posture.may_write = may_write ? 1 : 0;
  write_posture(posture);
}

void GuardianClient::publish_pause(bool paused) {
  guardian::Posture posture = posture_;
  posture.paused = paused ? 1 : 0;
  write_posture(posture);
}

void GuardianClient::write_posture(const guardian::Posture& posture) {
  if (posture == posture_) return;
  posture_ = posture;
  page().posture().write(posture_);
  ring();
}

// ---- any thread ----------------------------------------------------------------------------------------------------

// The guardian looks four times a second by itself; this makes it look now. One message, sent without waiting; a full
// queue means that it is about to look anyway.
void GuardianClient::ring() noexcept {
  (void)guardian::send_control(bell_, {.kind = MessageKind::kLook, .request = 0});
}

guardian::Acknowledgement GuardianClient::acknowledgement() const {
  const auto read = page().acknowledgement().read();
  return read.status == guardian::ReadStatus::kGood ? read.value : guardian::Acknowledgement{};
}

model::Milliseconds GuardianClient::fence_budget() const {
  const guardian::Duration told(acknowledgement().fence_budget);
  return std::chrono::ceil<model::Milliseconds>(std::max<guardian::Duration>(told, std::chrono::milliseconds(150)));
}

}  // namespace matriarch::runtime
