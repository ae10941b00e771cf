// JSON as the store and the REST API have it on the wire: ASCII only, integers as integers, members in order.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::model {

// kCompact is what the store holds, kSpaced (", " and ": ") what the REST API answers; both are Patroni's.
enum class JsonSpacing { kCompact, kSpaced };

// Non-ASCII characters become \uXXXX (surrogate pairs above the basic plane; what is not UTF-8 becomes U+FFFD).
// Numbers are written shortest; one that is not finite becomes null.
std::string write_json(const boost::json::value& value, JsonSpacing spacing = JsonSpacing::kCompact);

// Nothing for what is not one JSON document, is larger than `max_size` bytes or nests deeper than kMaxJsonDepth.
// Never throws for any bytes.
inline constexpr std::size_t kMaxJsonDepth = 32;
std::optional<boost::json::value> read_json(std::string_view text, std::size_t max_size = 2u << 20);

// The text under a key; empty where there is none, or something else.
std::string text_at(const boost::json::object& object, std::string_view key);

}  // namespace matriarch::model
