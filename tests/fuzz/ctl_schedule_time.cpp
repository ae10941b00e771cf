// Schedule times: any text is a time, "now", or an error with a reason; what is accepted can be printed and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "ctl/schedule_time.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace matriarch;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto now = *model::parse_timestamp("2030-03-04T10:52:27.509785Z");
  const auto time = ctl::parse_schedule(text, now);
  if (!time) {
    if (time.error().empty()) std::abort();
    return 0;
  }
  if (!*time) return 0;
  const auto printed = model::format_timestamp((*time)->at, (*time)->offset.value_or(std::chrono::minutes{0}));
  const auto again = model::parse_timestamp(printed);
  if (!again || *again != (*time)->at) std::abort();
  if (ctl::explain_schedule(**time, now).empty()) std::abort();
  return 0;
}
