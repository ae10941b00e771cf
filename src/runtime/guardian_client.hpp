// The agent's side of the page: says how long PostgreSQL may serve, and on what ground.
#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "guardian/last_resort.hpp"
#include "guardian/page.hpp"
#include "ports/guardian.hpp"
#include "runtime/guardian_line.hpp"

namespace matriarch::runtime {

struct GuardianPlace {
  std::string run_directory;
  std::string data_directory;
  std::string member;
  model::Milliseconds max_ttl{std::chrono::hours(1)};  // no lease is believed for longer
};

// The keeper's thread calls publish_lease, arm, stand_down and guardian_lost; the agent's main thread publish_writable and
// publish_pause. The two never wait for each other: each writes a cell of its own.
class GuardianClient final : public ports::Guardian {
 public:
  // `keeper`: the executor of the keeper's thread. The error is for the operator.
  static model::Result<std::unique_ptr<GuardianClient>, std::string> open(boost::asio::any_io_executor keeper, GuardianPlace place);

  void note_sending() override;
  void publish_lease(model::SessionToken session, std::uint64_t term, model::Instant valid_until) override;
  model::LeaseState resumable_lease() const override;
  boost::asio::awaitable<model::Result<void, ports::GuardianError>> arm(std::uint64_t term, model::Milliseconds timeout) override;
  void stand_down(std::string reason) override;
  void publish_writable(bool may_write) override;
  void publish_pause(bool paused) override;
  model::Milliseconds fence_budget() const override;

  // What the guardian says of itself, for metrics. Any thread.
  guardian::Acknowledgement acknowledgement() const;

  // Returns when the guardian has died and PostgreSQL was fenced, if it had to be: then exit with
  // LastResort::kGuardianGone. Runs on the keeper's executor, so that nothing the agent does can delay it.
  boost::asio::awaitable<guardian::LastResort::Outcome> guardian_lost();

 private:
  GuardianClient(boost::asio::any_io_executor keeper, const GuardianPlace& place, guardian::LastResort last_resort, system::Fd bell);
  const guardian::Page& page() const { return last_resort_.page(); }
  void write_posture(const guardian::Posture& posture);
  void ring() noexcept;

  boost::asio::any_io_executor keeper_;
  guardian::LastResort last_resort_;
  GuardianLine line_;   // the keeper's
  system::Fd bell_;     // a connection that only says "look": from any thread
  guardian::Lease lease_;      // the keeper's thread
  guardian::Duration last_wall_offset_;
  guardian::Posture posture_;  // the main thread
};

}  // namespace matriarch::runtime
