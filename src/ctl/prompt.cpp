#include "ctl/prompt.hpp"

#include <unistd.h>

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/failure.hpp"
#include "model/letter_case.hpp"
#include "system/terminal.hpp"

namespace matriarch::ctl {

std::string Prompt::line() const {
  streams_.out.flush();
  std::string text;
  if (!std::getline(streams_.in, text)) throw Aborted{};
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

std::string Prompt::text(const std::string& question, const std::optional<std::string>& preset) const {
  while (true) {
    if (preset) fmt::print(streams_.out, "{} [{}]: ", question, *preset);
    else fmt::print(streams_.out, "{}: ", question);
    std::string given = line();
    if (!given.empty()) return given;
    if (preset) return *preset;
  }
}

std::string Prompt::secret(const std::string& question) const {
  fmt::print(streams_.out, "{}: ", question);
  streams_.out.flush();
  std::string given;
  {
    std::optional<system::SilentTerminal> silent;
    if (streams_.owns_process) silent.emplace(STDIN_FILENO);
    given = line();
  }
  fmt::print(streams_.out, "\n");
  return given;
}

bool Prompt::confirm(const std::string& question) const {
  while (true) {
    fmt::print(streams_.out, "{} [y/N]: ", question);
    const std::string given = model::lower(line());
    if (given == "y" || given == "yes") return true;
    if (given.empty() || given == "n" || given == "no") return false;
    fmt::print(streams_.out, "Error: invalid input\n");
  }
}

}  // namespace matriarch::ctl
