// An agent with no opinions: it holds, renews and loses leases, starts and stops PostgreSQL, exactly when the test says so
// over a Unix socket (one command a line, one answer a line). With "--store" it is the store instead: it only watches.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "guardian/control.hpp"
#include "guardian/job.hpp"
#include "guardian/run_directory.hpp"
#include "guardian/last_resort.hpp"
#include "guardian/marks.hpp"
#include "guardian/wall_offset.hpp"
#include "system/memory.hpp"
#include "system/process.hpp"
#include "system/realtime.hpp"
#include "system/signals.hpp"
#include "system/unix_socket.hpp"

namespace {

using namespace matriarch;
using guardian::MessageKind;
using Nanoseconds = std::chrono::nanoseconds;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "fake: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T must(system::SystemResult<T> result) {
  if (!result) die(result.error().message());
  return std::move(*result);
}

// What the last resort did, for the test to read: the process itself is about to end.
[[noreturn]] void lose_guardian(const guardian::LastResort& last_resort, const std::string& run_directory) {
  const auto noticed = system::boot_time();
  const auto outcome = last_resort.act();
  std::ofstream(run_directory + "/last-resort." + std::to_string(::getpid()))
      << static_cast<int>(outcome.what) << ' ' << noticed.count() << ' ' << outcome.took.count() << '\n'
      << std::flush;
  ::_exit(guardian::LastResort::kGuardianGone);
}

class FakeAgent {
 public:
  FakeAgent(std::string run_directory, const std::string& data_directory)
      : run_directory_(std::move(run_directory)),
        last_resort_(must(guardian::LastResort::watch(run_directory_, data_directory))),
        signals_(must(system::receive_signals({SIGTERM, SIGHUP, SIGCHLD}))),
        control_(must(system::connect_seqpacket(guardian::control_path(run_directory_), true))),
        listener_(listen()) {
    (void)ask({.kind = MessageKind::kSubscribe});
    resume();
  }

  void run() {
    while (true) {
      renew_if_due();
      pollfd fds[] = {{last_resort_.fd(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {control_.get(), POLLIN, 0},
                      {listener_.get(), POLLIN, 0},   {client_.get(), POLLIN, 0}};
      ::poll(fds, 5, pause());
      if (fds[0].revents != 0) lose_guardian(last_resort_, run_directory_);
      if (fds[1].revents != 0) on_signal();
      if (fds[2].revents != 0) on_news();
      if (fds[4].revents != 0) on_command();
      if (fds[3].revents != 0) client_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    }
  }

 private:
  system::Fd listen() {
    const std::string path = run_directory_ + "/fake.sock";
    ::unlink(path.c_str());
    system::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind " + path);
    if (::listen(fd.get(), 4) != 0) die("listen " + path);
    return fd;
  }

  // ---- the page ----

  void resume() {
    const auto lease = page().lease().read();
    if (lease.status == guardian::ReadStatus::kGood) lease_ = lease.value;
    const auto posture = page().posture().read();
    if (posture.status == guardian::ReadStatus::kGood) posture_ = posture.value;
    posture_.agent = guardian::identify(::getpid()).value();
    posture_.max_ttl = Nanoseconds(std::chrono::hours(1)).count();
    guardian::set_member(posture_, "fake");
    page().posture().write(posture_);
    // A restarted agent goes on with the lease that has not ended.
    std::ifstream(run_directory_ + "/ttl") >> ttl_ms_;
    renewing_ = ttl_ms_ > 0 && lease_.valid_until > system::boot_time().count();
  }

  // Counted from the moment that was looked at: a renewal by somebody who slept since then is one of a lease that has ended.
  void renew(Nanoseconds now) {
    lease_.valid_until = (now + std::chrono::milliseconds(ttl_ms_)).count();
    lease_.wall_offset = guardian::wall_offset().count();
    lease_.written_at = now.count();
    ++lease_.writes;
    page().lease().write(lease_);
    next_renewal_ = now + std::chrono::milliseconds(ttl_ms_) / 5;
  }

  // A store would say of a lease that has ended: lost.
  void renew_if_due() {
    const auto now = system::boot_time();
    if (renewing_ && now.count() >= lease_.valid_until) renewing_ = false;
    if (renewing_ && now >= next_renewal_) renew(now);
  }

  int pause() const {
    if (!renewing_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next_renewal_ - system::boot_time());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  const guardian::Page& page() const { return last_resort_.page(); }

  // ---- the control socket ----

  guardian::ControlMessage ask(guardian::ControlMessage message, std::span<const int> fds = {}) {
    message.request = ++requests_;
    if (auto sent = guardian::send_control(control_, message, fds); !sent) die(sent.error().message());
    while (true) {
      pollfd ready{control_.get(), POLLIN, 0};
      ::poll(&ready, 1, -1);
      auto received = guardian::receive_control(control_);
      if (!received && received.error().code == EAGAIN) continue;
      if (!received || !*received) die("the guardian hung up");
      if ((*received)->message.request == message.request) return (*received)->message;
      remember((*received)->message);
    }
  }

  void on_news() {
    auto received = guardian::receive_control(control_);
    if (!received && received.error().code == EAGAIN) return;
    if (!received || !*received) {
      control_.reset();  // the pidfd tells whether it is gone
      return;
    }
    remember((*received)->message);
  }

  void remember(const guardian::ControlMessage& news) {
    news_ << (news.kind == MessageKind::kFenced ? "fenced " : "ended ") << news.status << ' ' << news.process.pid << ';';
  }

  std::string answer_of(const guardian::ControlMessage& answer) {
    if (answer.kind == MessageKind::kRefused) return "refused " + std::string(answer.words());
    return "done " + std::to_string(answer.process.pid) + " " + std::to_string(answer.process.start_ticks);
  }

  std::string fork_postgres(std::istringstream& words) {
    std::string program, data, log;
    words >> program >> data >> log;
    std::string option;
    guardian::Launch launch{.argv = {program, "-D", data}, .environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"}, .working_directory = data};
    while (words >> option) launch.argv.push_back(option);
    const auto text = must(system::make_sealed_memfd("launch", guardian::serialize(launch)));
    const system::Fd output(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    const int fds[] = {text.get(), output.get()};
    const auto answer = ask({.kind = MessageKind::kFork}, fds);
    posture_.postmaster = answer.process;
    page().posture().write(posture_);
    return answer_of(answer);
  }

  // ---- commands ----

  void on_command() {
    char buffer[4096];
    const ssize_t size = ::read(client_.get(), buffer, sizeof buffer);
    if (size <= 0) return client_.reset();
    std::istringstream words(std::string(buffer, static_cast<std::size_t>(size)));
    const std::string answer = carry_out(words) + "\n";
    if (::write(client_.get(), answer.data(), answer.size()) < 0) client_.reset();
  }

  std::string carry_out(std::istringstream& words) {
    std::string command;
    words >> command;
    if (command == "lease") {
      words >> ttl_ms_;
      std::ofstream(run_directory_ + "/ttl") << ttl_ms_ << std::flush;
      lease_.armed_term = ++lease_.term;
      lease_.token = 4711;
      renewing_ = true;
      renew(system::boot_time());
      return answer_of(ask({.kind = MessageKind::kLook}));
    }
    if (command == "stop-renewing") {
      renewing_ = false;
      return std::to_string(lease_.valid_until);
    }
    if (command == "release") {
      renewing_ = false;
      lease_.valid_until = 0;
      page().lease().write(lease_);
      return answer_of(ask({.kind = MessageKind::kLook}));
    }
    if (command == "posture") {
      words >> posture_.may_write >> posture_.paused;
      page().posture().write(posture_);
      return answer_of(ask({.kind = MessageKind::kLook}));
    }
    if (command == "fork") return fork_postgres(words);
    if (command == "adopt") {
      guardian::ProcessRef process;
      words >> process.pid;
      process = guardian::identify(static_cast<pid_t>(process.pid)).value_or(process);
      return answer_of(ask({.kind = MessageKind::kAdopt, .process = process}));
    }
    if (command == "fence") return answer_of(ask({.kind = MessageKind::kFence}));
    if (command == "goodbye") {
      guardian::ControlMessage message{.kind = MessageKind::kGoodbye};
      words >> message.status;
      return answer_of(ask(message));
    }
    if (command == "replace") return answer_of(ask({.kind = MessageKind::kReplace}));
    if (command == "news") return news_.str();
    if (command == "valid-until") return std::to_string(lease_.valid_until);
    if (command == "spawn") {
      std::vector<std::string> argv;
      for (std::string word; words >> word;) argv.push_back(word);
      return std::to_string(must(system::spawn({.argv = argv, .new_session = true})).pid);
    }
    if (command == "exit") {
      int code = 0;
      words >> code;
      ::_exit(code);
    }
    return "unknown " + command;
  }

  // The orderly end: a fast stop, unless paused.
  void on_signal() {
    while (const auto signal = system::next_signal(signals_)) {
      if (signal->ssi_signo == SIGHUP) news_ << "reload;";
      if (signal->ssi_signo != SIGTERM) continue;
      const auto told = page().acknowledgement().read().value;
      if (::access((run_directory_ + "/ignore-sigterm").c_str(), F_OK) == 0) continue;
      if (posture_.paused == 0 && guardian::is_alive(told.postmaster)) {
        ::kill(static_cast<pid_t>(told.postmaster.pid), SIGINT);
        while (guardian::is_alive(told.postmaster)) {
          renew_if_due();
          ::poll(nullptr, 0, 5);
        }
      }
      ::_exit(0);
    }
  }

  std::string run_directory_;
  guardian::LastResort last_resort_;
  system::Fd signals_;
  system::Fd control_;
  system::Fd listener_;
  system::Fd client_;
  guardian::Lease lease_;
  guardian::Posture posture_;
  bool renewing_ = false;
  int ttl_ms_ = 0;
  Nanoseconds next_renewal_{};
  std::uint32_t requests_ = 0;
  std::ostringstream news_;
};

void be_store(const std::string& run_directory, const std::string& data_directory) {
  const auto last_resort = must(guardian::LastResort::watch(run_directory, data_directory));
  pollfd ended{last_resort.fd(), POLLIN, 0};
  while (::poll(&ended, 1, -1) <= 0) {
  }
  lose_guardian(last_resort, run_directory);
}

// "fake-agent state RUN_DIRECTORY": the acknowledgement, a name and a number a line.
int print_state(const std::string& run_directory) {
  const auto page = must(guardian::open_page(run_directory));
  const auto told = page.acknowledgement().read();
  if (told.status != guardian::ReadStatus::kGood) return 1;
  const auto& value = told.value;
  std::cout << "guardian " << value.guardian.pid << "\nagent " << value.agent.pid << "\nstore " << value.store.pid
            << "\npostmaster " << value.postmaster.pid << "\nis_child " << value.postmaster_is_child << "\nforeign "
            << value.postmaster_is_foreign << "\nphase " << static_cast<int>(value.phase) << "\nreason "
            << static_cast<int>(value.reason) << "\narmed_term " << value.armed_term << "\nfences " << value.fences
            << "\nfence_began " << value.fence_began << "\nfence_killed " << value.fence_killed << "\nfence_ended " << value.fence_ended << "\nfence_due "
            << value.fence_due << "\nfence_budget " << value.fence_budget << "\nheartbeats " << value.heartbeats
            << "\nwake_latency_max " << value.wake_latency_max << "\nwake_latency_p99 " << value.wake_latency_p99
            << "\nrealtime " << value.realtime << "\nmemory_locked " << value.memory_locked << "\nagent_starts "
            << value.agent_starts << "\nstore_starts " << value.store_starts << "\nreplacements " << value.replacements
            << "\nlast_exit_pid " << value.last_exit_pid << "\nlast_exit_status " << value.last_exit_status
            << "\nstopping " << value.stopping << "\nlooked_at " << value.looked_at << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "state") return print_state(argv[2]);
  [[maybe_unused]] const auto granted = system::request_realtime(40);  // as the keeper and the store do
  if (argc == 4 && std::string(argv[1]) == "store") be_store(argv[2], argv[3]);
  if (argc != 4 || std::string(argv[1]) != "agent") die("usage: fake-agent agent|store RUN_DIRECTORY DATA_DIRECTORY");
  FakeAgent(argv[2], argv[3]).run();
}
