// Which of the guardian's two programs must be started, and how the whole thing ends.
//
// Pure, as fence.hpp. The agent may die at any time and is started again; the lease it held runs on, and the new one
// resumes it. Only an agent that said it is stopping, or one that could never have worked, takes the guardian with it.
#pragma once

#include <optional>

#include "guardian/page.hpp"

namespace matriarch::guardian {

// The first restart is immediate: a crash must not cost the lease. Then the pauses double, up to the longest.
inline constexpr Duration kFirstPause = std::chrono::milliseconds(100);
inline constexpr Duration kLongestPause = std::chrono::seconds(5);
// A program that ran this long has proven that it can: its next restart is immediate again.
inline constexpr Duration kSteadyAfter = std::chrono::seconds(10);
inline constexpr Duration kStoreStopLimit = std::chrono::seconds(5);
// What a program exits with when starting it again cannot help (sysexits.h EX_CONFIG: bad settings, port in use,
// somebody else's data). Believed only while no PostgreSQL runs.
inline constexpr int kHopeless = 78;

// Decides when one program starts. Its fields are the memory between looks.
struct Respawn {
  std::uint32_t quick_ends = 0;  // in a row, without a steady run between
  Instant started{};
  Instant next_start{};          // not before
  bool operator==(const Respawn&) const = default;
};
Respawn note_start(Respawn respawn, Instant now);
Respawn note_end(Respawn respawn, Instant now);

struct ChildView {
  bool wanted = true;    // the store is there only with the embedded consensus
  bool running = false;
  bool ended = false;    // since the last look
  int exit_code = 0;     // of that end; 128 + signal when killed
};

enum class StopPhase : std::uint32_t {
  kServing,
  kAgentStopping,     // the agent stops PostgreSQL in its own order and gives the lease back
  kPostgresStopping,  // it did not: the guardian does
  kStoreStopping,
  kDone,
};

// The agent announced that it stops, and with which code the guardian is to end.
struct Goodbye {
  int code = 0;
  bool leaves_postgres = false;  // what runs is not ours to stop: a standby of another cluster, somebody else's server
  bool operator==(const Goodbye&) const = default;
};

struct SupervisionInput {
  Instant now{};
  ChildView agent;
  ChildView store;
  bool postgres_gone = true;
  bool paused = false;
  bool may_write = false;                // by the page; true when it cannot be read
  std::uint32_t strays = 0;              // processes a dead agent left behind; counted while no agent runs
  bool stop_asked = false;               // SIGTERM: once
  std::optional<Goodbye> agent_said_goodbye;  // once
  Duration stop_limit{};                 // for the agent's orderly stop; zero: as long as it takes
};

struct SupervisionState {
  Respawn agent;
  Respawn store;
  StopPhase phase = StopPhase::kServing;
  Instant deadline{};  // of the phase; Instant{}: none
  int exit_code = 0;
  bool leaves_postgres = false;
  std::optional<FenceReason> fence;  // given to step_fence() as `asked` until PostgreSQL is gone
  bool operator==(const SupervisionState&) const = default;
};

struct SupervisionOrders {
  bool start_agent = false;
  bool start_store = false;
  bool kill_strays = false;
  bool terminate_agent = false;  // SIGTERM
  bool kill_agent = false;
  bool terminate_store = false;
  bool kill_store = false;
  std::optional<int> exit;  // end the guardian with this code
  std::optional<Instant> look_at;
  bool operator==(const SupervisionOrders&) const = default;
};

struct SupervisionStep {
  SupervisionState state;
  SupervisionOrders orders;
};

SupervisionStep step_supervision(SupervisionState state, const SupervisionInput& input);

}  // namespace matriarch::guardian
