#include "ctl/prompt.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/failure.hpp"
#include "model/letter_case.hpp"

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
