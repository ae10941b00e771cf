#include "ctl/durations.hpp"

#include <fmt/format.h>

#include "model/quantity.hpp"

namespace matriarch::ctl {

model::Milliseconds duration_of(const Arguments& arguments, const char* option, const std::optional<std::string>& text, model::Milliseconds preset) {
  if (!text) return preset;
  const auto seconds = model::parse_real(*text, "s");
  if (!seconds || *seconds < 0 || *seconds > 1e7) arguments.fail(fmt::format("Invalid value for '{}': '{}' is not a duration.", option, *text));
  return model::Milliseconds{static_cast<std::int64_t>(*seconds * 1000)};
}

}  // namespace matriarch::ctl
