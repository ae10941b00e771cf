#include "postgres/statement.hpp"

#include <libpq-fe.h>

#include <memory>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

using Handle = std::unique_ptr<PGconn, void (*)(PGconn*)>;
using Answer = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// pg_type.dat; these numbers never change.
enum : Oid { kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kOid = 26, kFloat4 = 700, kFloat8 = 701, kTimestampWithZone = 1184 };

ValueKind kind_of(Oid type) {
  switch (type) {
    case kBool: return ValueKind::kBoolean;
    case kInt8: case kInt2: case kInt4: case kOid: return ValueKind::kInteger;
    case kFloat4: case kFloat8: return ValueKind::kReal;
    default: return ValueKind::kText;
  }
}

Handle connect(const Conninfo& conninfo) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : conninfo) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  return {PQconnectdbParams(keywords.data(), values.data(), 0), PQfinish};
}

bool gives_rows(const PGresult* answer) { return PQresultStatus(answer) == PGRES_TUPLES_OK; }

// The server writes the zone of a time as "+00" or "+05:30".
std::string with_minutes(std::string text) {
  const auto sign = text.find_last_of("+-");
  if (sign != std::string::npos && text.size() - sign == 3) text += ":00";
  return text;
}

StatementResult read(const PGresult* answer) {
  StatementResult result{.columns = {}, .rows = {}, .tag = PQcmdStatus(const_cast<PGresult*>(answer))};
  if (!gives_rows(answer)) return result;
  for (int column = 0; column < PQnfields(answer); ++column) result.columns.push_back({PQfname(answer, column), kind_of(PQftype(answer, column))});
  for (int row = 0; row < PQntuples(answer); ++row) {
    auto& values = result.rows.emplace_back();
    for (int column = 0; column < PQnfields(answer); ++column) {
      if (PQgetisnull(answer, row, column) != 0) {
        values.emplace_back();
        continue;
      }
      std::string text = PQgetvalue(answer, row, column);
      values.emplace_back(PQftype(answer, column) == kTimestampWithZone ? with_minutes(std::move(text)) : std::move(text));
    }
  }
  return result;
}

}  // namespace

model::Result<StatementResult, StatementError> run_statement(const Conninfo& conninfo, const std::string& sql, std::optional<bool> in_recovery) {
  const Handle connection = connect(conninfo);
  if (PQstatus(connection.get()) != CONNECTION_OK) return tl::unexpected(StatementError{.what = one_line(PQerrorMessage(connection.get()))});
  if (in_recovery) {
    const Answer state(PQexec(connection.get(), "SELECT pg_catalog.pg_is_in_recovery()"), PQclear);
    if (!gives_rows(state.get())) return tl::unexpected(StatementError{.what = one_line(PQerrorMessage(connection.get()))});
    const bool recovers = std::string_view(PQgetvalue(state.get(), 0, 0)) == "t";
    if (recovers != *in_recovery) return tl::unexpected(StatementError{.what = recovers ? "it is in recovery" : "it is not in recovery"});
  }
  const Answer answer(PQexec(connection.get(), sql.c_str()), PQclear);
  const auto status = PQresultStatus(answer.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) return read(answer.get());
  const char* sqlstate = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(answer.get(), PG_DIAG_MESSAGE_PRIMARY);
  return tl::unexpected(StatementError{.connected = true, .sqlstate = sqlstate != nullptr ? sqlstate : "",
                                       .what = one_line(primary != nullptr ? primary : PQerrorMessage(connection.get()))});
}

}  // namespace matriarch::postgres
