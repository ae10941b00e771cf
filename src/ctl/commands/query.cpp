// query: one statement on one member.
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/local_zone.hpp"
#include "ctl/output.hpp"
#include "ctl/roles.hpp"
#include "ctl/statements.hpp"
#include "ctl/watch.hpp"
#include "model/member_view.hpp"

namespace matriarch::ctl {
namespace {

struct Question {
  std::string sql;
  std::optional<std::string> role, member;
  RoleFilter filter = RoleFilter::kLeader;
  std::map<std::string, std::string> conninfo;  // without the member's address
  std::optional<Format> format;                 // nothing: a name that nobody knows, which prints nothing
  std::string delimiter = "\t";

  // What a server must be to count as one of that role.
  std::optional<bool> in_recovery() const {
    if (!role || member || *role == "any" || *role == "leader") return std::nullopt;
    return *role != "primary";
  }
  std::string nobody() const {
    if (member) return fmt::format("No connection to member {} is available", *member);
    return role ? fmt::format("No connection to role '{}' is available", *role) : "No connection is available";
  }
};

std::string text_of(Context& context, const std::string& file) {
  if (file == "-") return {std::istreambuf_iterator<char>(context.streams().in), {}};
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Failure{fmt::format("Invalid value for '--file' / '-f': '{}': No such file or directory", file), 2};
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A member that answers; of a role the first one does, unless the tool speaks for Patroni's, which tries one alone.
tl::expected<StatementAnswer, StatementFailure> ask(Context& context, const std::string& cluster_name, const Question& question) {
  const auto cluster = context.read(cluster_name);
  const auto views = model::describe_members(*cluster);
  const auto chosen = members_with(*cluster, question.filter);
  StatementFailure failure{.what = question.nobody()};
  for (const auto& view : views) {
    const bool fits = question.member ? view.member->name.text == *question.member : std::find(chosen.begin(), chosen.end(), view.member) != chosen.end();
    if (!fits || !view.address) continue;
    auto conninfo = question.conninfo;
    conninfo["host"] = view.address->host;
    conninfo["port"] = std::to_string(view.address->port);
    auto answer = context.run_statement(conninfo, question.sql, question.in_recovery());
    if (answer || answer.error().connected) return answer;
    if (context.strict()) failure.what = fmt::format("{}: {}", view.member->name.text, answer.error().what);
    else break;
  }
  return tl::unexpected(failure);
}

// Patroni prints a failure as a row, and goes on as if nothing had happened.
Records as_row(const Context& context, const StatementFailure& failure, bool is_table) {
  std::string what = failure.what;
  if (failure.connected && !failure.sqlstate.empty()) what = "ERROR, SQLSTATE: " + failure.sqlstate;
  Records records;
  if (is_table) records.columns = {{"Field 1", {}}, {"Field 2", {}}};
  records.rows = {{boost::json::value(stamp(context.wall_now())), boost::json::value(what)}};
  return records;
}

int show_failure(Context& context, const Question& question, const StatementFailure& failure) {
  if (context.strict()) {
    throw Failure{failure.sqlstate.empty() ? failure.what : fmt::format("{} (SQLSTATE {})", failure.what, failure.sqlstate)};
  }
  const Format format = question.format.value_or(Format::kTsv);
  const auto row = as_row(context, failure, format == Format::kPretty);
  if (!question.format) return 0;
  if (format == Format::kJson) context.out() << "[{}]\n";
  else if (format == Format::kYaml) context.out() << "- {}\n\n";
  else if (format == Format::kTsv) fmt::print(context.out(), "{}{}{}\n", cell_text(row.rows[0][0]), question.delimiter, cell_text(row.rows[0][1]));
  else context.out() << render(row, format, {});
  return 0;
}

int show(Context& context, const std::string& cluster_name, const Question& question) {
  const auto answer = ask(context, cluster_name, question);
  if (!answer) return show_failure(context, question, answer.error());
  if (answer->columns.empty() && !context.strict()) {
    return show_failure(context, question, {.connected = true, .sqlstate = "no results to fetch", .what = {}});
  }
  if (answer->columns.empty()) {
    fmt::print(context.out(), "{}\n", answer->tag);
    return 0;
  }
  Records records{.columns = {}, .rows = answer->rows};
  for (const auto& column : answer->columns) records.columns.push_back({column, {}});
  if (question.format) context.out() << render(records, *question.format, {.delimiter = question.delimiter});
  return 0;
}

}  // namespace

int run_query(Context& context, Words words) {
  std::optional<std::string> command, file, user, database, format, delimiter;
  bool asks_password = false;
  Words names;
  Question question;
  Watch watch;
  Arguments arguments(context.command("query"), "[CLUSTER_NAME]", "Query a member of a cluster");
  arguments.option("-r,--role", question.role, "Ask any member with this role").option("-m,--member", question.member, "Ask this member")
      .option("-c,--command", command, "The SQL to execute").option("-f,--file", file, "Read the SQL from this file", "FILENAME")
      .option("-U,--username", user, "Database user").flag("--password", asks_password, "Prompt for the password")
      .option("-d,--dbname", database, "Database").option("--format", format, "Output format: pretty, tsv, json, yaml, yml")
      .option("--delimiter", delimiter, "The column delimiter");
  watch.add_to(arguments);
  arguments.rest(names).parse(std::move(words));
  watch.check(arguments);
  if (names.size() > 1) arguments.fail(fmt::format("Got unexpected extra argument ({})", names[1]));
  if (question.role && question.member) throw Failure{"--role and --member are mutually exclusive options"};
  if (command && file) throw Failure{"--file and --command are mutually exclusive options"};
  if (!command && !file) throw Failure{"You need to specify either --command or --file"};
  const auto filter = parse_role(question.role.value_or("leader"));
  if (!filter) arguments.fail_choice("'--role' / '-r'", *question.role, kRoleChoices);
  question.filter = *filter;
  question.format = format ? parse_format(*format) : Format::kTsv;
  if (!question.format && context.strict()) arguments.fail_choice("'--format'", *format, kFormatChoices);
  question.delimiter = delimiter.value_or("\t");
  question.sql = command ? *command : text_of(context, *file);
  if (user) question.conninfo["user"] = *user;
  if (database) question.conninfo["dbname"] = *database;
  if (asks_password) question.conninfo["password"] = context.prompt().secret("Password");
  const std::string cluster_name = context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0]));
  watch.repeat(context, false, [&] { show(context, cluster_name, question); });
  return 0;
}

}  // namespace matriarch::ctl
