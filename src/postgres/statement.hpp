// One statement for a command line: over a connection of its own, waited for. Never to be called from a loop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/names.hpp"
#include "postgres/conninfo.hpp"

namespace matriarch::postgres {

enum class ValueKind { kText, kBoolean, kInteger, kReal };

struct StatementResult {
  struct Column {
    std::string name;
    ValueKind kind = ValueKind::kText;
  };
  std::vector<Column> columns;  // none: the statement gives no rows
  std::vector<std::vector<std::optional<std::string>>> rows;  // as the server prints them; times with their zone as "+00:00"
  std::string tag;              // "INSERT 0 1"
};

struct StatementError {
  bool connected = false;
  std::string sqlstate, what;  // empty: not the server's word; one line
};

// `in_recovery`: what the server must be; a server that is not counts as none.
model::Result<StatementResult, StatementError> run_statement(const Conninfo& conninfo, const std::string& sql, std::optional<bool> in_recovery);

}  // namespace matriarch::postgres
