// What pg_waldump prints about single records.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/lsn.hpp"

namespace matriarch::postgres {

struct WalRecord {
  std::string resource_manager;  // "XLOG"
  model::Lsn lsn, previous;
  std::string description;       // "CHECKPOINT_SHUTDOWN redo 0/...", "SWITCH"
  bool is_shutdown_checkpoint() const;
  bool is_switch() const;
};

// One line of output: "rmgr: XLOG len (rec/tot): 114/ 114, tx: 0, lsn: 0/1, prev 0/0, desc: TEXT". Nothing for other text.
std::optional<WalRecord> parse_wal_record(std::string_view line);

// `pg_waldump -n 2` at a shutdown checkpoint that nothing follows: exactly one record, which begins at `checkpoint`, and
// one complaint that the record after it has an invalid length at Y. Then Y, the end of the record; else nothing.
// The complaint's end differs by version ("wanted 24, got 0", "expected at least 24, got 0").
std::optional<model::Lsn> parse_end_of_record(std::string_view output, std::string_view errors, model::Lsn checkpoint);

}  // namespace matriarch::postgres
