// Base64 (RFC 4648, section 4), strict.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace matriarch::net {

std::string base64_encode(std::string_view bytes);

// Nothing for a character outside the alphabet (blanks and line breaks included), for missing or misplaced padding, and
// for unused bits that are not zero: one value has one encoding.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace matriarch::net
