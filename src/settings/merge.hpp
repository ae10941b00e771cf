// The merge function: files of a directory, environment over files, `PATCH /config`.
#pragma once

#include <boost/json.hpp>

namespace matriarch::settings {

// Lays `over` on `base`. Null removes a key; mappings merge; anything else replaces, unless the string forms are equal,
// which keeps the old value and its type. Lists are replaced whole. Returns whether anything changed.
bool merge(boost::json::object& base, const boost::json::object& over);

// Same keys at every level, scalars and lists equal in their string form.
bool same_in_string_form(const boost::json::object& a, const boost::json::object& b);

}  // namespace matriarch::settings
