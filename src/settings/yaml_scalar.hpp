// What a plain (unquoted) scalar of YAML 1.1 means: the types by which Patroni's files are read.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string_view>

namespace matriarch::settings {

enum class ScalarKind { kString, kNull, kBool, kInt, kFloat, kTimestamp, kMerge, kValue };

// The kind by its looks alone: "on" is kBool, "0644" kInt, "22:22" kInt, "1e3" kString, "=" kValue, "<<" kMerge.
ScalarKind kind_of_plain(std::string_view text);

// The value. Timestamps stay text; an integer beyond 64 bits stays text; kMerge and kValue are text here.
boost::json::value resolve_plain(std::string_view text);

// The value under an explicit tag `!!int`, `!!bool`, ...; nothing if the text is none.
std::optional<boost::json::value> resolve_as(ScalarKind kind, std::string_view text);

}  // namespace matriarch::settings
