#include "postgres/server_description.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

constexpr std::array<std::string_view, 6> kConnectionTypes{"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"};
constexpr std::array<std::string_view, 3> kIncludes{"include", "include_if_exists", "include_dir"};  // from 16 on

constexpr const char* kParameters =
    "SELECT name, pg_catalog.current_setting(name), name IN ('hba_file', 'ident_file', 'config_file', 'data_directory') "
    "OR source IN ('configuration file', 'command line', 'environment variable') AND category <> 'Write-Ahead Log / Recovery Target' AND setting <> '(disabled)' "
    "FROM pg_catalog.pg_settings WHERE context <> 'internal' OR name = 'data_directory'";

std::string_view first_word(std::string_view line) {
  const auto trimmed = trim(line);
  return trimmed.substr(0, trimmed.find_first_of(" \t"));
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Only the server may be able to read its files.
class Inquiry {
 public:
  Inquiry(Connection& connection, Deadline deadline) : connection_(connection), deadline_(deadline) {}

  asio::awaitable<model::Result<ServerDescription, std::string>> run(std::function<bool(std::string_view)> wanted) {
    auto super = co_await connection_.query("SELECT pg_catalog.current_setting('is_superuser')", deadline_);
    if (!super) co_return tl::unexpected(super.error().what);
    if (super->at(0).at(0) != "on") co_return tl::unexpected(std::string("The provided user does not have superuser privilege"));
    auto rows = co_await connection_.query(kParameters, deadline_);
    if (!rows) co_return tl::unexpected(rows.error().what);
    for (const auto& row : *rows) {
      const auto& name = row.at(0).value();
      if (row.at(2) == "t" || wanted(name)) described_.parameters[name] = row.at(1).value_or("");
    }
    const auto hba = co_await file_in_data_directory("hba_file", "pg_hba.conf");
    if (!hba) co_return tl::unexpected(hba.error());
    const auto ident = co_await file_in_data_directory("ident_file", "pg_ident.conf");
    if (!ident) co_return tl::unexpected(ident.error());
    described_.hba = hba_entries(*hba, connection_.server_version());
    described_.ident = ident_entries(*ident);
    co_await find_programs();
    co_return std::move(described_);
  }

 private:
  asio::awaitable<model::Result<std::string, std::string>> content(std::string path) {
    auto rows = co_await connection_.query("SELECT pg_catalog.pg_read_file(" + connection_.literal(path) + ")", deadline_);
    if (!rows) co_return tl::unexpected(rows.error().what);
    co_return rows->at(0).at(0).value_or("");
  }

  // Empty when the parameter names a file elsewhere: that one stays where it is, and is named by the parameter.
  asio::awaitable<model::Result<std::string, std::string>> file_in_data_directory(std::string parameter, std::string name) {
    const auto path = described_.parameters["data_directory"] + "/" + name;
    if (described_.parameters[parameter] != path) co_return std::string{};
    co_return co_await content(path);
  }

  asio::awaitable<void> find_programs() {
    const auto file = co_await content("postmaster.pid");
    if (!file) co_return;
    const auto pid = to_number<int>(trim(file->substr(0, file->find('\n'))));
    if (!pid) co_return;
    std::error_code failed;
    const auto program = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", *pid), failed);
    if (!failed && program.filename().string().starts_with("postgres")) described_.bin_dir = program.parent_path().string();
  }

  Connection& connection_;
  Deadline deadline_;
  ServerDescription described_;
};

}  // namespace

std::vector<std::string> hba_entries(std::string_view content, int version) {
  std::vector<std::string> entries;
  for (const auto line : lines_of(content)) {
    const auto word = first_word(line);
    if (is_one_of(kConnectionTypes, word) || (version >= 160000 && is_one_of(kIncludes, word))) entries.emplace_back(trim(line));
  }
  return entries;
}

std::vector<std::string> ident_entries(std::string_view content) {
  std::vector<std::string> entries;
  for (const auto line : lines_of(content)) {
    const auto trimmed = trim(line);
    if (!trimmed.empty() && !trimmed.starts_with('#')) entries.emplace_back(trimmed);
  }
  return entries;
}

asio::awaitable<model::Result<ServerDescription, std::string>> describe_server(Conninfo conninfo, std::function<bool(std::string_view)> wanted,
                                                                              Deadline deadline) {
  auto connection = co_await Connection::open(std::move(conninfo), deadline);
  if (!connection) co_return tl::unexpected("Failed to establish PostgreSQL connection: " + connection.error().what);
  Inquiry inquiry(**connection, deadline);
  co_return co_await inquiry.run(std::move(wanted));
}

}  // namespace matriarch::postgres
