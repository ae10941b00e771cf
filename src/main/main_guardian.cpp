// matriarch-guardian --job FD [--inherit PAGE LISTENER CONNECTION...]
// matriarch-guardian --understands N
//
// Started by `matriarch FILE`, which passes the job in a memfd; nobody types this.
#include <fcntl.h>

#include <cstdio>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "guardian/guardian.hpp"
#include "guardian/records.hpp"
#include "system/file.hpp"

namespace {

namespace guardian = matriarch::guardian;
namespace os = matriarch::system;

constexpr int kUsage = 64;  // sysexits.h
constexpr int kCannot = 70;

constexpr std::string_view kHelp =
    "matriarch-guardian supervises the agent, the store and PostgreSQL of one node, and fences PostgreSQL when its lease\n"
    "ends. It is started by `matriarch FILE`.\n"
    "\n"
    "  --job FD                        descriptor of a file that holds the job\n"
    "  --inherit PAGE LISTENER FD...   descriptors of the guardian that this process was before; FD+ wants news\n"
    "  --understands N                 exit code 0 if this program can take over from a guardian of generation N\n";

int fail(int code, const std::string& why) {
  std::fprintf(stderr, "guardian: %s\n", why.c_str());
  return code;
}

tl::expected<int, std::string> parse_fd(std::string_view text) {
  const auto number = guardian::parse_number({.key = "a descriptor", .value = text}, 0, 1 << 20);
  if (!number) return tl::unexpected(number.error());
  return static_cast<int>(*number);
}

tl::expected<guardian::Job, std::string> read_job(int fd) {
  const os::Fd owner(fd);
  const auto text = os::read_file("/proc/self/fd/" + std::to_string(fd), guardian::kMaxRecordsSize);
  if (!text) return tl::unexpected("cannot read the job: " + text.error().message());
  auto job = guardian::parse_job(*text);
  if (!job) return tl::unexpected("the job is not understood: " + job.error());
  return job;
}

tl::expected<guardian::ControlServer::Handed, std::string> parse_handed(std::string_view argument) {
  const bool wants_news = argument.ends_with('+');
  if (wants_news) argument.remove_suffix(1);
  const auto fd = parse_fd(argument);
  if (!fd) return tl::unexpected(fd.error());
  if (::fcntl(*fd, F_SETFD, FD_CLOEXEC) != 0) return guardian::complaint("descriptor " + std::string(argument) + " is not open");
  return guardian::ControlServer::Handed{.fd = os::Fd(*fd), .wants_news = wants_news};
}

tl::expected<guardian::Inheritance, std::string> parse_inheritance(const std::vector<std::string_view>& arguments) {
  std::vector<guardian::ControlServer::Handed> handed;
  for (const std::string_view argument : arguments) {
    auto one = parse_handed(argument);
    if (!one) return tl::unexpected(one.error());
    handed.push_back(std::move(*one));
  }
  if (handed.size() < 2) return guardian::complaint("--inherit needs a page and a listener");
  guardian::Inheritance inherited{.page = std::move(handed[0].fd), .listener = std::move(handed[1].fd)};
  inherited.connections.assign(std::move_iterator(handed.begin() + 2), std::move_iterator(handed.end()));
  return inherited;
}

int supervise(std::string_view job_fd, std::optional<guardian::Inheritance> inherited) {
  const auto fd = parse_fd(job_fd);
  if (!fd) return fail(kUsage, fd.error());
  auto job = read_job(*fd);
  if (!job) return fail(kUsage, job.error());
  auto started = guardian::Guardian::start(std::move(*job), std::move(inherited));
  if (!started) return fail(kCannot, started.error());
  return (*started)->run();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "--understands") {
    return arguments[1] == std::to_string(guardian::kUnderstands) ? 0 : 1;
  }
  if (arguments.size() == 2 && arguments[0] == "--job") return supervise(arguments[1], std::nullopt);
  if (arguments.size() > 3 && arguments[0] == "--job" && arguments[2] == "--inherit") {
    auto inherited = parse_inheritance({arguments.begin() + 3, arguments.end()});
    if (!inherited) return fail(kUsage, inherited.error());
    return supervise(arguments[1], std::move(*inherited));
  }
  const bool asked = arguments == std::vector<std::string_view>{"--help"};
  std::fwrite(kHelp.data(), 1, kHelp.size(), asked ? stdout : stderr);
  return asked ? 0 : kUsage;
}
