// -W and -w: the same output again and again, until Ctrl-C.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ctl/arguments.hpp"
#include "ctl/context.hpp"

namespace matriarch::ctl {

class Watch {
 public:
  void add_to(Arguments& arguments);
  void check(const Arguments& arguments);
  // Once without a watch. A failed refresh is reported and tried again while watching.
  void repeat(Context& context, bool clears_screen, const std::function<void()>& show) const;

 private:
  bool every_two_seconds_ = false;
  std::optional<std::string> text_;
  std::optional<double> seconds_;
};

}  // namespace matriarch::ctl
