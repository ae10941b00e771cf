// Reading one field of a JSON document, tolerantly.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/lsn.hpp"

namespace matriarch::store::layout {

// The text of a member; empty when it is missing or no text.
std::string text_field(const boost::json::object& document, std::string_view name);

// Decimal digits with blanks around them, and nothing else.
std::optional<std::uint64_t> decimal(std::string_view text);

// A JSON integer of 0 or more.
std::optional<std::uint64_t> natural(const boost::json::value& value);

// A JSON integer or a numeric text of 0 or more.
std::optional<std::uint64_t> natural_or_text(const boost::json::value& value);

// `text` without blanks at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace matriarch::store::layout
