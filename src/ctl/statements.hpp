// How `query` reaches a server: main/ brings the database client.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace matriarch::ctl {

struct StatementAnswer {
  std::vector<std::string> columns;                    // none: the statement gives no rows
  std::vector<std::vector<boost::json::value>> rows;   // booleans, numbers and null as such, everything else as text
  std::string tag;                                     // "INSERT 0 1"
};

struct StatementFailure {
  bool connected = false;  // false: no connection, or to a server in the wrong state
  std::string sqlstate;    // empty: it was not the server that refused
  std::string what;        // one line
};

// `conninfo`: libpq's keywords. `in_recovery`: what the server must be; nothing: anything. Blocks, at most for the connection's
// timeout and as long as the statement takes.
using RunStatement = std::function<tl::expected<StatementAnswer, StatementFailure>(const std::map<std::string, std::string>& conninfo,
                                                                                   const std::string& sql, std::optional<bool> in_recovery)>;

}  // namespace matriarch::ctl
