// A JSON object from its text.
#pragma once

#include "model/json_text.hpp"

namespace matriarch::model {

inline boost::json::object object(std::string_view text) { return read_json(text).value().as_object(); }

}  // namespace matriarch::model
