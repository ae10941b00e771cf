// Small things about text that several parsers of this room need.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::postgres {

std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);  // ASCII only, as PostgreSQL compares names of settings
bool equals_without_case(std::string_view a, std::string_view b);
// The parts between separators, empty ones included; an empty text has one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
std::vector<std::string_view> lines_of(std::string_view text);  // without their ends; a missing last newline is fine
std::string one_line(std::string_view message);  // "; " between its lines: libpq's messages have several, and an end of line at their end
// The whole text as an unsigned or signed number in that base; nothing when anything else is in it or it does not fit.
template <typename Number>
std::optional<Number> to_number(std::string_view text, int base = 10);

// Words as a POSIX shell reads them: quotes and backslashes, no expansion. Nothing when a quote is not closed.
std::optional<std::vector<std::string>> split_shell_words(std::string_view command);

}  // namespace matriarch::postgres
