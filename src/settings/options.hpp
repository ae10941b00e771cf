// User options for the tools of PostgreSQL (initdb, pg_basebackup, pg_rewind), from a mapping or a list.
#pragma once

#include <boost/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/settings.hpp"

namespace matriarch::settings {

struct ParsedOptions {
  model::Options options;           // "--name" or "--name=value"
  std::vector<std::string> errors;  // an option that is in error is left out
};

// {name: value}, or a list of "name" and {name: value}. True stands for the bare option, a falsy value for none.
// A value that is one shell-quoted word loses its quotes. Names in `forbidden` are errors.
ParsedOptions parse_options(const boost::json::value& value, std::string_view tool,
                            std::span<const std::string_view> forbidden);

}  // namespace matriarch::settings
