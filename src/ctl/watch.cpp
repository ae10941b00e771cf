#include "ctl/watch.hpp"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/failure.hpp"

namespace matriarch::ctl {

void Watch::add_to(Arguments& arguments) {
  arguments.option("-w,--watch", text_, "Auto update the screen every X seconds", "FLOAT").flag("-W", every_two_seconds_, "Auto update the screen every 2 seconds");
}

void Watch::check(const Arguments& arguments) {
  seconds_ = every_two_seconds_ ? std::optional(2.0) : std::nullopt;
  if (!text_) return;
  double value = 0;
  const auto [end, error] = std::from_chars(text_->data(), text_->data() + text_->size(), value);
  if (error != std::errc{} || end != text_->data() + text_->size() || !std::isfinite(value) || value > 1e6) {
    arguments.fail(fmt::format("Invalid value for '-w' / '--watch': '{}' is not a valid float.", *text_));
  }
  seconds_ = value == 0 ? std::nullopt : std::optional(value);
}

void Watch::repeat(Context& context, bool clears_screen, const std::function<void()>& show) const {
  if (!seconds_) return show();
  while (true) {
    const auto began = std::chrono::steady_clock::now();
    if (clears_screen && context.streams().out_is_terminal) context.out() << "\x1b[2J\x1b[H";
    try {
      show();
    } catch (const Failure& failure) {
      fmt::print(context.streams().err, "Error: {}\n", failure.text);
    }
    context.out().flush();
    if (!context.out()) throw Aborted{};  // nobody reads any more
    const auto took = std::chrono::steady_clock::now() - began;
    const auto interval = std::chrono::duration<double>(*seconds_);
    if (interval > took) context.sleep_for(std::chrono::duration_cast<model::Milliseconds>(interval - took));
  }
}

}  // namespace matriarch::ctl
