// The guardian's process: gathers what step() needs to know, obeys it, and sleeps until the next event. It decides
// nothing by itself.
//
// One thread (beside the journal's). Between two events it neither allocates nor touches a disk, and nothing it does
// before it has obeyed the fence can block.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "guardian/control_server.hpp"
#include "guardian/instance.hpp"
#include "guardian/job.hpp"
#include "guardian/journal.hpp"
#include "guardian/page.hpp"
#include "guardian/policy.hpp"
#include "guardian/program.hpp"
#include "guardian/strays.hpp"
#include "guardian/wake_latency.hpp"
#include "system/timerfd.hpp"

namespace matriarch::guardian {

// What a guardian that replaced itself left open for its successor, which is the same process.
struct Inheritance {
  system::Fd page;
  system::Fd listener;
  std::vector<ControlServer::Handed> connections;
};

// Two guardians understand each other if this is equal: page, job and control messages are the same.
inline constexpr int kUnderstands = 1;

class Guardian {
 public:
  // Takes the run directory into possession, finds what runs, and fences it if it must, before anything else.
  // The error is for the operator. `inherited`: this process was a guardian before.
  static tl::expected<std::unique_ptr<Guardian>, std::string> start(Job job, std::optional<Inheritance> inherited);

  // Until the end; the exit code.
  int run();

 private:
  struct Parts;  // what can fail to be made
  Guardian(Job job, Parts parts, bool is_replacement);

  // Finding what runs at the start.
  void recall(bool is_replacement);
  void recall_postgres(const Acknowledgement& before);
  bool adopt_if_alive(const ProcessRef& postmaster, bool foreign);
  void find_postgres_by_directory();

  void make_cage();

  // One turn of the loop.
  FenceInput look_at_page();
  std::uint32_t count_strays();
  Input gather();
  void obey(const Orders& orders);
  void report(const State& before);
  void publish(Instant now);
  void answer_looks();
  void wait(std::optional<Instant> look_at);
  bool wait_for_event();

  void start_program(Program& program, const char* name);
  std::vector<pid_t>& spared();

  // Events.
  void on_signals();
  void on_child_ended(const system::Reaped& child);
  void on_request(ControlServer::Request request);
  ControlMessage carry_out(const ControlServer::Request& request);
  ControlMessage fork_postgres(const ControlServer::Request& request);
  ControlMessage adopt_postgres(const ControlServer::Request& request);
  ControlMessage fence_postgres(const ControlServer::Request& request);
  ControlMessage take_goodbye(const ControlServer::Request& request);
  bool is_agent(const system::PeerCredentials& peer) const;

  // Replacing itself.
  ControlMessage try_successor();
  void on_successor_tried(const system::ExitStatus& status);
  void become_successor();

  Job job_;
  Journal journal_;
  Page page_;
  system::Fd signals_;
  system::BootTimer timer_;
  system::Fd wall_clock_;  // readable when somebody sets CLOCK_REALTIME
  ControlServer control_;
  Instance instance_;
  Program agent_;
  Program store_;
  Strays strays_;
  WakeLatency latency_;
  State state_;
  Acknowledgement acknowledgement_;

  system::Fd cage_;         // the entrance of PostgreSQL's control group, if there is one
  bool has_turned_ = false;
  Instant killed_at_{};  // end of the first sweep of the last fence
  Instant due_{};        // what the timer is set to
  bool stop_asked_ = false;
  bool fence_asked_ = false;
  std::optional<Goodbye> goodbye_;

  struct Answer {
    std::uint64_t connection = 0;
    std::uint32_t request = 0;
  };
  std::vector<Answer> looks_;  // to be answered when the loop has turned once more
  std::optional<pid_t> trial_;  // the new program on trial, while it runs

  std::vector<pollfd> watched_;
  std::vector<pid_t> spared_;
};

}  // namespace matriarch::guardian
