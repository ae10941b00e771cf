// How many columns of a terminal a text takes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace matriarch::ctl {

// UTF-8; wide East Asian characters take two columns, combining marks none. Bytes that are not UTF-8 take one each.
std::size_t text_width(std::string_view text);

// Blanks on the right (or left) up to `width` columns.
std::string pad(std::string_view text, std::size_t width, bool to_the_right = false);

// The longest beginning that fits `width` columns.
std::string_view cut(std::string_view text, std::size_t width);

}  // namespace matriarch::ctl
