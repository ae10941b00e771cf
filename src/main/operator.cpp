#include "main/operator.hpp"

#include <filesystem>
#include <iostream>
#include <sstream>

#include <unistd.h>

#include "ctl/ctl.hpp"
#include "main/configuration.hpp"
#include "main/store_access.hpp"
#include "main/store_operator.hpp"
#include "postgres/statement.hpp"
#include "store/etcd/store.hpp"
#include "system/clock.hpp"

namespace matriarch::main {
namespace {

tl::expected<std::unique_ptr<ports::Store>, std::string> open_store(boost::asio::any_io_executor executor, const model::Settings& settings) {
  auto client = store_client_settings(settings, "");
  if (!client) return tl::unexpected(client.error());
  auto silent = [](std::string) {};
  return std::make_unique<store::etcd::Store>(executor, *client, settings.key_prefix(), settings.dynamic.timing.ttl, silent);
}

boost::json::value typed(const std::optional<std::string>& text, postgres::ValueKind kind) {
  if (!text) return nullptr;
  if (kind == postgres::ValueKind::kBoolean) return *text == "t";
  if (kind == postgres::ValueKind::kText) return boost::json::string(*text);
  boost::json::error_code failed;
  auto number = boost::json::parse(*text, failed);
  return failed ? boost::json::value(*text) : std::move(number);  // NaN, Infinity
}

tl::expected<ctl::StatementAnswer, ctl::StatementFailure> run_statement(const std::map<std::string, std::string>& conninfo, const std::string& sql,
                                                                        std::optional<bool> in_recovery) {
  auto result = postgres::run_statement(conninfo, sql, in_recovery);
  if (!result) return tl::unexpected(ctl::StatementFailure{.connected = result.error().connected, .sqlstate = result.error().sqlstate, .what = result.error().what});
  ctl::StatementAnswer answer{.columns = {}, .rows = {}, .tag = result->tag};
  for (const auto& column : result->columns) answer.columns.push_back(column.name);
  for (const auto& row : result->rows) {
    auto& values = answer.rows.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) values.push_back(typed(row[i], result->columns[i].kind));
  }
  return answer;
}

}  // namespace

bool is_store_command(std::string_view word) { return word.starts_with('-') || ctl::is_store_command(word); }

std::string wanted_command(const std::vector<std::string>& arguments) { return ctl::find_command(arguments); }

std::optional<std::string> nearest_command(const std::string& word) { return ctl::nearest_command(word); }

bool is_operator_command(const std::vector<std::string>& arguments) {
  const std::string command = ctl::find_command(arguments);
  return !command.empty() && ctl::is_command(command);
}

int run_operator(int argc, char** argv) {
  ctl::World world{.open_store = open_store, .environment = process_environment(), .wall_now = [] {
                     return model::WallTime(std::chrono::duration_cast<std::chrono::microseconds>(system::realtime()));
                   }, .open_embedded = store_operations, .run_statement = run_statement};
  std::vector<std::string> arguments(argv + 1, argv + argc);
  return ctl::run(std::filesystem::path(argv[0]).filename().string(), std::move(arguments), world, ctl::Streams{.in = std::cin, .out = std::cout, .err = std::cerr, .out_is_terminal = ::isatty(STDOUT_FILENO) == 1, .owns_process = true});
}

void print_operator_help(std::FILE* stream) {
  std::ostringstream text;
  ctl::print_help(text);
  std::fputs(text.str().c_str(), stream);
}

}  // namespace matriarch::main
