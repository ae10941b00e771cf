// Text without regard to case. ASCII letters only, whatever the locale: as PostgreSQL's pg_strcasecmp compares
// application_name with synchronous_standby_names.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace matriarch::model {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return lower(c); });
  return text;
}

inline bool equal_without_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace matriarch::model
