// Questions to the operator, worded and repeated as in patronictl.
#pragma once

#include <optional>
#include <string>

#include "ctl/streams.hpp"

namespace matriarch::ctl {

class Prompt {
 public:
  explicit Prompt(const Streams& streams) : streams_(streams) {}

  // "TEXT [DEFAULT]: "; empty input takes the default. Without a default "TEXT: ", repeated until something is given.
  std::string text(const std::string& question, const std::optional<std::string>& preset = std::nullopt) const;
  // "TEXT: "; what is typed does not show.
  std::string secret(const std::string& question) const;
  // "TEXT [y/N]: ".
  bool confirm(const std::string& question) const;

 private:
  std::string line() const;
  Streams streams_;
};

}  // namespace matriarch::ctl
