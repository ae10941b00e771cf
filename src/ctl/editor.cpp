#include "ctl/editor.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <memory>
#include <optional>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "ctl/failure.hpp"

namespace matriarch::ctl {
namespace {

std::optional<std::string> find_program(const std::string& name, const settings::Environment& environment) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
  std::istringstream directories(settings::variable(environment, "PATH"));
  for (std::string directory; std::getline(directories, directory, ':');) {
    const std::string path = directory + "/" + name;
    if (!directory.empty() && ::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// While a program of the operator runs in front, Ctrl-C is its business.
class InterruptsIgnored {
 public:
  InterruptsIgnored() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, &before_);
  }
  ~InterruptsIgnored() { ::sigaction(SIGINT, &before_, nullptr); }
  InterruptsIgnored(const InterruptsIgnored&) = delete;
  InterruptsIgnored& operator=(const InterruptsIgnored&) = delete;

 private:
  struct sigaction before_ {};
};

int run_in_front(const std::vector<std::string>& words, const settings::Environment& environment) {
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::vector<std::string> pairs;
  for (const auto& [name, value] : environment) pairs.push_back(name + "=" + value);
  std::vector<char*> variables;
  for (auto& pair : pairs) variables.push_back(pair.data());
  variables.push_back(nullptr);
  const InterruptsIgnored ignored;
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGINT);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, words[0].c_str(), nullptr, &attributes, arguments.data(), variables.data());
  ::posix_spawnattr_destroy(&attributes);
  if (error) throw Failure{fmt::format("cannot run {}: {}", words[0], std::strerror(error))};
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Failure{fmt::format("waiting for {}: {}", words[0], std::strerror(errno))};
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class PrivateFile {
 public:
  PrivateFile(std::string name, const std::string& content) {
    std::replace(name.begin(), name.end(), '/', '_');
    path_ = (std::filesystem::temp_directory_path() / (name + "-config-XXXXXX.yaml")).string();
    const int fd = ::mkstemps(path_.data(), 5);
    if (fd < 0) throw Failure{fmt::format("cannot create {}: {}", path_, std::strerror(errno))};
    const auto written = ::write(fd, content.data(), content.size());
    ::close(fd);
    if (written != static_cast<ssize_t>(content.size())) {
      ::unlink(path_.c_str());
      throw Failure{fmt::format("cannot write {}", path_)};
    }
  }
  ~PrivateFile() { ::unlink(path_.c_str()); }
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;
  const std::string& path() const { return path_; }
  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw Failure{fmt::format("cannot read {}", path_)};
    return text.str();
  }

 private:
  std::string path_;
};

std::vector<std::string> editor_command(const settings::Environment& environment) {
  auto words = words_of(settings::variable(environment, "EDITOR"));
  if (!words.empty()) {
    if (const auto found = find_program(words[0], environment)) {
      words[0] = *found;
      return words;
    }
  }
  for (const char* usual : {"editor", "vi"}) {
    if (const auto found = find_program(usual, environment)) return {*found};
  }
  throw Failure{"EDITOR environment variable is not set. editor or vi are not available"};
}

std::string pager_command(const settings::Environment& environment) {
  for (const std::string& name : {settings::variable(environment, "PAGER"), std::string("less"), std::string("more")}) {
    if (name.empty()) continue;
    if (const auto found = find_program(std::filesystem::path(name).filename().string(), environment)) return *found;
  }
  throw Failure{"No pager could be found. Either set PAGER environment variable with your pager or install either \"less\" or \"more\" in the host."};
}

}  // namespace

std::string edit(const std::string& text, const std::string& name, const settings::Environment& environment) {
  auto words = editor_command(environment);
  const PrivateFile file(name, text);
  words.push_back(file.path());
  if (const int code = run_in_front(words, environment); code != 0) throw Failure{fmt::format("Editor exited with return code {}", code)};
  return file.content();
}

void page(const std::string& text, const Streams& streams, const settings::Environment& environment) {
  if (!streams.out_is_terminal || !streams.owns_process) {
    streams.out << text;
    return;
  }
  const PrivateFile file("diff", text);
  streams.out.flush();
  const std::string pager = pager_command(environment);
  settings::Environment with_options = environment;
  if (pager.ends_with("/less")) with_options.emplace("LESS", "-FRSX");
  run_in_front({pager, file.path()}, with_options);
}

}  // namespace matriarch::ctl
