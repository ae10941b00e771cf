// What the guardian does when it is asked. Part of the class in guardian.hpp.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "guardian/guardian.hpp"
#include "guardian/marks.hpp"
#include "guardian/records.hpp"
#include "system/file.hpp"

namespace matriarch::guardian {
namespace {

// A memfd that came over the socket.
tl::expected<Launch, std::string> read_launch(const system::Fd& fd) {
  const auto text = system::read_file("/proc/self/fd/" + std::to_string(fd.get()), kMaxRecordsSize);
  if (!text) return tl::unexpected(text.error().message());
  return parse_launch(*text);
}

}  // namespace

ControlMessage Guardian::carry_out(const ControlServer::Request& request) {
  const MessageKind kind = request.received.message.kind;
  if (kind == MessageKind::kReplace) return try_successor();
  if (!is_agent(request.peer)) return refused(EPERM, "only the agent may ask this");
  switch (kind) {
    case MessageKind::kFork:
      return fork_postgres(request);
    case MessageKind::kAdopt:
      return adopt_postgres(request);
    case MessageKind::kFence:
      return fence_postgres(request);
    case MessageKind::kGoodbye:
    case MessageKind::kGoodbyeLeaving:
      return take_goodbye(request);
    case MessageKind::kSubscribe:
      control_.subscribe(request.connection);
      return {.kind = MessageKind::kDone, .process = acknowledgement_.postmaster};
    case MessageKind::kLook:
    case MessageKind::kReplace:
    case MessageKind::kDone:
    case MessageKind::kRefused:
    case MessageKind::kPostmasterEnded:
    case MessageKind::kFenced:
      break;
  }
  return refused(EINVAL, "this is no request");
}

bool Guardian::is_agent(const system::PeerCredentials& peer) const {
  return agent_.running() && peer.pid == agent_.process().pid;
}

ControlMessage Guardian::fork_postgres(const ControlServer::Request& request) {
  if (request.received.fds.size() != 2) return refused(EINVAL, "a launch and a descriptor for its output are needed");
  const auto launch = read_launch(request.received.fds[0]);
  if (!launch) return refused(EINVAL, "the launch is not understood: " + launch.error());
  if (instance_.view().postmaster_alive) return refused(EEXIST, "PostgreSQL runs already");
  if (!instance_.is_settled()) return refused(EAGAIN, "something is left of the last PostgreSQL");
  if (state_.supervision.phase != StopPhase::kServing) return refused(EBUSY, "the guardian is stopping");
  const FenceInput seen = look_at_page();
  if (!may_start_postmaster(state_.fence, seen)) return refused(EACCES, "PostgreSQL has no ground to run on: no lease");
  const system::Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int output = request.received.fds[1].get();
  auto child = system::spawn({.argv = launch->argv,
                              .environment = marked_environment(launch->environment, Ward::kPostgres, job_.run_directory),
                              .working_directory = launch->working_directory,
                              .redirections = {{0, nothing.get()}, {1, output}, {2, output}},
                              .new_session = true,
                              .cgroup_procs = cage_.get()});
  if (!child) return refused(child.error());
  instance_.take_child(std::move(*child));
  journal_.say("PostgreSQL started, process %lld", static_cast<long long>(instance_.postmaster().pid));
  return {.kind = MessageKind::kDone, .process = instance_.postmaster()};
}

ControlMessage Guardian::adopt_postgres(const ControlServer::Request& request) {
  const ProcessRef& postmaster = request.received.message.process;
  if (instance_.view().postmaster_alive && instance_.postmaster() == postmaster) {
    return {.kind = MessageKind::kDone, .process = postmaster};
  }
  if (instance_.view().postmaster_alive) return refused(EEXIST, "another PostgreSQL is under guard");
  const bool is_postgres = is_postgres_in(static_cast<pid_t>(postmaster.pid), resolved(job_.data_directory));
  if (!is_postgres) return refused(ESRCH, "that process is no PostgreSQL in " + job_.data_directory);
  if (auto adopted = instance_.adopt(postmaster); !adopted) return refused(adopted.error());
  instance_.set_foreign(true);
  journal_.say("PostgreSQL adopted, process %lld", static_cast<long long>(postmaster.pid));
  return {.kind = MessageKind::kDone, .process = postmaster};
}

ControlMessage Guardian::fence_postgres(const ControlServer::Request&) {
  fence_asked_ = true;
  return {.kind = MessageKind::kDone, .process = acknowledgement_.postmaster};
}

ControlMessage Guardian::take_goodbye(const ControlServer::Request& request) {
  const auto code = request.received.message.status;
  if (code < 0 || code > 255) return refused(EINVAL, "an exit code is from 0 to 255");
  goodbye_ = Goodbye{.code = static_cast<int>(code), .leaves_postgres = request.received.message.kind == MessageKind::kGoodbyeLeaving};
  return {.kind = MessageKind::kDone};
}

}  // namespace matriarch::guardian
