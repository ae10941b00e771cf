// The process that fences. The agent tells it what it may rely on; it never asks back.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "model/lease.hpp"
#include "model/names.hpp"
#include "model/time.hpp"

namespace matriarch::ports {

struct GuardianError {
  std::string what;
};

class Guardian {
 public:
  virtual ~Guardian() = default;

  // The keeper is about to send the request that a first lease would be counted from: time that passes unseen from here on
  // (a virtual machine that is paused) counts against it.
  virtual void note_sending() = 0;
  // Wait-free, allocation-free; called by the keeper after each renewal.
  virtual void publish_lease(model::SessionToken session, std::uint64_t term, model::Instant valid_until) = 0;
  // The keeper's view at its start: what the page still says of a lease that an earlier agent of this node held.
  // Session 0: nothing to resume.
  virtual model::LeaseState resumable_lease() const = 0;

  // The guardian watches this term from its acknowledgement on; only then may the agent promote.
  virtual boost::asio::awaitable<model::Result<void, GuardianError>> arm(std::uint64_t term, model::Milliseconds timeout) = 0;
  // Allowed only when no postmaster runs, in recovery, or in pause.
  virtual void stand_down(std::string reason) = 0;
  // PostgreSQL may acknowledge commits from now on (out of recovery, or about to be), or certainly not.
  virtual void publish_writable(bool may_write) = 0;
  virtual void publish_pause(bool paused) = 0;
  // How long before valid_until the guardian begins to stop PostgreSQL.
  virtual model::Milliseconds fence_budget() const = 0;
};

}  // namespace matriarch::ports
