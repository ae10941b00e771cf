// The guardian of a simulated machine: the product's policy, invented processes and time.
#pragma once

#include <functional>
#include <memory>

#include "guardian/policy.hpp"
#include "ports/guardian.hpp"
#include "simulation/sim_clock.hpp"
#include "simulation/sim_instance.hpp"

namespace matriarch::simulation {

struct GuardianBugs {
  bool fence_off = false;
};

// What lies in the run directory: outlives every process of the machine, but not a power cut.
struct PageContent {
  guardian::CellRead<guardian::Lease> lease;
  guardian::CellRead<guardian::Posture> posture;
  // For the checks, not for the processes: the last term that a guardian acknowledged, and the true time when it first did.
  std::uint64_t armed_term = 0;
  Instant armed_at{};
};

class GuardianProcess {
 public:
  struct Hooks {
    std::function<void()> start_agent;
    std::function<bool()> agent_is_running;
    std::function<void(int code)> ended;  // the guardian itself ended: the service manager's turn
  };
  GuardianProcess(SimClock& clock, SimInstance& instance, PageContent& page, GuardianBugs bugs, Hooks hooks);

  void look();
  void agent_ended(int exit_code, bool said_goodbye);
  void freeze(bool frozen);
  const guardian::State& state() const { return state_; }

 private:
  guardian::Input input();
  void obey(const guardian::Orders& orders);

  SimClock& clock_;
  SimInstance& instance_;
  PageContent& page_;
  GuardianBugs bugs_;
  Hooks hooks_;
  guardian::State state_;
  bool agent_just_ended_ = false, frozen_ = false, missed_ = false, ended_ = false;
  int agent_exit_code_ = 0;
  std::optional<guardian::Goodbye> goodbye_;
  std::optional<World::Entry> next_look_;
  bool postmaster_was_alive_ = false;
  guardian::Instant postmaster_ended_{};
};

// The agent's side.
class GuardianPort : public ports::Guardian {
 public:
  void note_sending() override {}  // no clock of the simulation jumps
  GuardianPort(SimClock& clock, PageContent& page, std::function<GuardianProcess*()> process, Milliseconds max_ttl)
      : clock_(clock), page_(page), process_(std::move(process)), max_ttl_(max_ttl) {}

  void publish_lease(model::SessionToken session, std::uint64_t term, model::Instant valid_until) override;
  model::LeaseState resumable_lease() const override;
  boost::asio::awaitable<model::Result<void, ports::GuardianError>> arm(std::uint64_t term, Milliseconds timeout) override;
  void stand_down(std::string reason) override;
  void publish_writable(bool may_write) override;
  void publish_pause(bool paused) override;
  Milliseconds fence_budget() const override { return Milliseconds(150); }

 private:
  void tell();
  SimClock& clock_;
  PageContent& page_;
  std::function<GuardianProcess*()> process_;
  Milliseconds max_ttl_;
};

}  // namespace matriarch::simulation
