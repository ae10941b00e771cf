// How a log line looks: Python's logging formats, which Patroni's configuration uses, and JSON.
#pragma once

#include <spdlog/formatter.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/settings.hpp"

namespace matriarch::runtime {

// One piece of a format such as "%(levelname)-8s: ": the text before a field, and the field with its printf conversion.
struct FormatPiece {
  std::string literal;
  std::string field;           // empty: there is none, the literal ends the format
  std::string specification;   // "-8", ".3"; without the conversion
  char conversion = 's';
};
// What is no field stays as it is; "%%" is a percent sign.
std::vector<FormatPiece> parse_python_format(std::string_view format);

std::unique_ptr<spdlog::formatter> make_log_formatter(const model::LogSettings& settings);

}  // namespace matriarch::runtime
