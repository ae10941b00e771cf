#include "postgres/waldump.hpp"

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

// The text behind `label`, up to the first of `ends`; nothing when the label is missing.
std::optional<std::string_view> after(std::string_view line, std::string_view label, std::string_view ends) {
  const auto at = line.find(label);
  if (at == std::string_view::npos) return std::nullopt;
  const auto rest = line.substr(at + label.size());
  return rest.substr(0, rest.find_first_of(ends));
}

std::optional<model::Lsn> lsn_after(std::string_view line, std::string_view label) {
  const auto text = after(line, label, ", :\t\n");
  return text ? model::parse_lsn(*text) : std::nullopt;
}

}  // namespace

bool WalRecord::is_shutdown_checkpoint() const {
  const std::string text = to_lower(description);
  // "CHECKPOINT_SHUTDOWN redo ..." today; older releases put the word last: "checkpoint: redo ...; shutdown".
  return resource_manager == "XLOG" && text.starts_with("checkpoint") && (text.starts_with("checkpoint_shutdown") || text.ends_with("shutdown"));
}

bool WalRecord::is_switch() const {
  const std::string text = to_lower(trim(description));
  return resource_manager == "XLOG" && (text == "switch" || text == "xlog switch");
}

std::optional<WalRecord> parse_wal_record(std::string_view line) {
  line = trim(line);
  if (!line.starts_with("rmgr: ")) return std::nullopt;
  const auto manager = after(line, "rmgr: ", " ");
  const auto lsn = lsn_after(line, ", lsn: ");
  const auto previous = lsn_after(line, ", prev ");
  const auto description = line.find("desc: ");
  if (!manager || !lsn || !previous || description == std::string_view::npos) return std::nullopt;
  return WalRecord{.resource_manager = std::string(*manager),
                   .lsn = *lsn,
                   .previous = *previous,
                   .description = std::string(trim(line.substr(description + std::string_view("desc: ").size())))};
}

std::optional<model::Lsn> parse_end_of_record(std::string_view output, std::string_view errors, model::Lsn checkpoint) {
  const auto records = lines_of(trim(output));
  if (records.size() != 1) return std::nullopt;
  const auto record = parse_wal_record(records.front());
  if (!record || record->lsn != checkpoint) return std::nullopt;

  const auto complaints = lines_of(trim(errors));
  if (complaints.size() != 1) return std::nullopt;
  if (lsn_after(complaints.front(), "error in WAL record at ") != checkpoint) return std::nullopt;
  return lsn_after(complaints.front(), ": invalid record length at ");
}

}  // namespace matriarch::postgres
