// Any text that PostgreSQL's tools, files or queries could give is read or refused, never more.
#include <cstdlib>

#include "model/postgres.hpp"
#include "postgres/archive_command.hpp"
#include "postgres/backends.hpp"
#include "postgres/config_text.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/control_data.hpp"
#include "postgres/guc_check.hpp"
#include "postgres/history_file.hpp"
#include "postgres/postmaster_file.hpp"
#include "postgres/setting_text.hpp"
#include "postgres/status_query.hpp"
#include "postgres/text.hpp"
#include "postgres/tool_options.hpp"
#include "postgres/version.hpp"
#include "postgres/waldump.hpp"

namespace pg = matriarch::postgres;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

void read_row(const std::string& text) {
  std::vector<std::optional<std::string>> row;
  for (const auto cell : pg::split(text, '\x1f')) row.emplace_back(std::string(cell));
  row.resize(23);
  if (const auto status = pg::parse_status(row)) {
    matriarch::model::PostgresNode node;
    pg::apply(*status, node);
    expect(node.is_primary == !status->in_recovery);
  }
}

void read_settings(const std::string& text) {
  const std::map<std::string, std::string> settings{{"work_mem", text}, {"fsync", text}, {"random_page_cost", text}, {text, "1"}};
  const std::set<std::string> none;
  for (const auto& [name, value] : pg::check_settings(settings, 150000, &none).accepted) expect(!name.empty());
  (void)pg::to_human(text, "8kB");
  const std::string conf = pg::render({.include = "base", .parameters = {{"archive_command", text}}});
  expect(pg::lines_of(conf).size() == 5);  // no value can add a line
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto control = pg::parse_control_data(text)) expect(control->system_id.valid());
  for (const auto line : pg::lines_of(text)) (void)pg::parse_wal_record(line);
  (void)pg::parse_end_of_record(text, text, {0x1511B00});
  for (const auto& line : pg::parse_history_file(text)) expect(line.reason.find('\n') == std::string::npos);
  if (const auto file = pg::parse_postmaster_file(text)) expect(file->pid > 0);
  (void)pg::parse_postmaster_options(text);
  (void)pg::parse_version_output(text);
  (void)pg::parse_major_version(text);
  (void)pg::split_shell_words(text);
  (void)pg::is_client_backend(text);
  (void)pg::missing_wal_file(text);
  (void)pg::is_ready_file(text);
  (void)pg::fill_placeholders(text, {{'p', "x"}});
  (void)pg::parse_copy_progress(text);
  if (const auto cleaned = pg::without_recovery_settings(text)) expect(!pg::without_recovery_settings(*cleaned));
  (void)matriarch::model::parse_sync_names(text);
  if (text.find('\0') == std::string::npos) {
    if (const auto conninfo = pg::parse_conninfo(text)) (void)pg::render(*conninfo, 150000);
  }
  read_row(text);
  read_settings(text);
  return 0;
}
