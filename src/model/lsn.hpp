// A WAL position in bytes from the beginning of WAL.
#pragma once

#include <compare>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::model {

struct Lsn {
  std::uint64_t value = 0;  // 0 = nothing known (PostgreSQL's InvalidXLogRecPtr)
  bool known() const { return value != 0; }
  auto operator<=>(const Lsn&) const = default;
};

// PostgreSQL's text form: two hexadecimal halves of 1 to 8 digits, "16/B374D848". Anything else is nothing.
std::optional<Lsn> parse_lsn(std::string_view text);
std::string format_lsn(Lsn lsn);

// Bytes by which `behind` trails `ahead`; 0 when it does not.
inline std::uint64_t bytes_behind(Lsn behind, Lsn ahead) {
  return ahead.value > behind.value ? ahead.value - behind.value : 0;
}

}  // namespace matriarch::model

template <>
struct fmt::formatter<matriarch::model::Lsn> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(matriarch::model::Lsn lsn, Context& context) const {
    return fmt::formatter<std::string>::format(matriarch::model::format_lsn(lsn), context);
  }
};
