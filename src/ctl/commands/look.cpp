// list, topology, history, dsn, version: read and print.
#include <cmath>
#include <algorithm>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/failure.hpp"
#include "ctl/local_zone.hpp"
#include "ctl/member_listing.hpp"
#include "ctl/roles.hpp"
#include "ctl/watch.hpp"
#include "model/json_text.hpp"
#include "model/member_view.hpp"
#include "model/version.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

Format format_of(const Arguments& arguments, const std::optional<std::string>& text, Format preset) {
  if (!text) return preset;
  const auto format = parse_format(*text);
  if (!format) arguments.fail_choice("'--format' / '-f'", *text, kFormatChoices);
  return *format;
}

// Several clusters: one output after another.
int show_members(Context& context, const Words& names, const ListingOptions& options, bool timestamp, const Watch& watch) {
  Words clusters = names;
  if (clusters.empty() && !context.settings().scope.empty()) clusters = {context.settings().scope};
  if (clusters.empty()) {
    fmt::print(context.streams().err, "{} - WARNING - Listing members: No cluster names were provided\n", stamp(context.wall_now()));
    return 0;
  }
  watch.repeat(context, true, [&] {
    if (timestamp) fmt::print(context.out(), "{}\n", stamp(context.wall_now()));
    for (const auto& name : clusters) {
      const auto cluster = context.read(name);
      context.out() << list_members(*cluster, name, options);
    }
  });
  return 0;
}

json::value text_or_empty(const std::string& text) { return json::value(text); }

std::string postgres_version(std::int64_t number) {
  if (number < 100000) return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
  return fmt::format("{}.{}", number / 10000, number % 10000);
}

std::string version_line(const std::string& name, const CallResult& answer) {
  if (!answer) return fmt::format("{}: failed to get version: {}", name, answer.error().what);
  const auto document = model::read_json(answer->body);
  const auto* patroni = document && document->is_object() ? document->get_object().if_contains("patroni") : nullptr;
  const auto* version = patroni && patroni->is_object() ? patroni->get_object().if_contains("version") : nullptr;
  if (!version) return fmt::format("{}: failed to get version: the answer names none", name);
  std::string line = fmt::format("{}: Patroni {}", name, cell_text(*version));
  const auto* server = document->get_object().if_contains("server_version");
  if (server && server->is_int64() && server->get_int64() > 0) line += " PostgreSQL " + postgres_version(server->get_int64());
  return line;
}

}  // namespace

int run_list(Context& context, Words words) {
  ListingOptions options;
  bool timestamp = false, as_json = false;
  std::optional<std::string> format;
  Words names;
  Watch watch;
  Arguments arguments(context.command("list"), "[CLUSTER_NAMES]...", "List the members of a cluster");
  arguments.flag("-e,--extended", options.extended, "Show some extra information")
      .flag("-t,--timestamp", timestamp, "Print timestamp")
      .option("-f,--format", format, "Output format: pretty, tsv, json, yaml, yml")
      .flag("--json", as_json, "The same as --format json");
  watch.add_to(arguments);
  arguments.rest(names).parse(std::move(words));
  options.format = format_of(arguments, format, as_json ? Format::kJson : Format::kPretty);
  watch.check(arguments);
  return show_members(context, names, options, timestamp, watch);
}

int run_topology(Context& context, Words words) {
  Words names;
  Watch watch;
  Arguments arguments(context.command("topology"), "[CLUSTER_NAMES]...", "Prints ASCII topology for given cluster");
  watch.add_to(arguments);
  arguments.rest(names).parse(std::move(words));
  watch.check(arguments);
  return show_members(context, names, {.format = Format::kTopology}, false, watch);
}

int run_history(Context& context, Words words) {
  std::optional<std::string> format;
  bool as_json = false;
  Words names;
  Arguments arguments(context.command("history"), "[CLUSTER_NAME]", "Show the history of failovers/switchovers");
  arguments.option("-f,--format", format, "Output format: pretty, tsv, json, yaml, yml").flag("--json", as_json, "The same as --format json").rest(names);
  arguments.parse(std::move(words));
  if (names.size() > 1) arguments.fail(fmt::format("Got unexpected extra argument ({})", names[1]));
  const Format wanted = format_of(arguments, format, as_json ? Format::kJson : Format::kPretty);
  const auto cluster = context.read(context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0])));
  Records records{.columns = {{"TL", {}, true}, {"LSN", {}, true}, {"Reason", {}}, {"Timestamp", {}}, {"New Leader", {}}}, .rows = {}};
  if (cluster->history) {
    for (const auto& line : cluster->history->lines) {
      records.rows.push_back({line.timeline.value, line.lsn.value, text_or_empty(line.reason), text_or_empty(line.timestamp), text_or_empty(line.new_leader)});
    }
  }
  context.out() << render(records, wanted, {});
  return 0;
}

int run_dsn(Context& context, Words words) {
  std::optional<std::string> role, member;
  bool multi_host = false;
  Words names;
  Arguments arguments(context.command("dsn"), "[CLUSTER_NAME]", "Generate a dsn for the provided member, defaults to a dsn of the leader");
  arguments.option("-r,--role", role, "Give a dsn of any member with this role").option("-m,--member", member, "Generate a dsn for this member")
      .flag("--all", multi_host, "One string with every member; libpq finds the one it needs").rest(names);
  arguments.parse(std::move(words));
  if (role && member) throw Failure{"--role and --member are mutually exclusive options"};
  const auto filter = parse_role(role.value_or("leader"));
  if (!filter) arguments.fail_choice("'--role' / '-r'", *role, kRoleChoices);
  const auto cluster = context.read(context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0])));
  const auto views = model::describe_members(*cluster);
  const auto chosen = members_with(*cluster, multi_host && !role ? RoleFilter::kAny : *filter);
  std::string hosts, ports;
  for (const auto& view : views) {
    const bool fits = member ? view.member->name.text == *member : std::find(chosen.begin(), chosen.end(), view.member) != chosen.end();
    if (!fits || !view.address) continue;
    hosts += (hosts.empty() ? "" : ",") + view.address->host;
    ports += (ports.empty() ? "" : ",") + std::to_string(view.address->port);
    if (!multi_host) break;
  }
  if (hosts.empty()) throw Failure{"Can not find a suitable member"};
  fmt::print(context.out(), "host={} port={}{}\n", hosts, ports, multi_host && !role ? " target_session_attrs=read-write" : "");
  return 0;
}

int run_version(Context& context, Words words) {
  Words names;
  Arguments arguments(context.command("version"), "[CLUSTER_NAME] [MEMBER_NAMES]...", "Output version of this program or a running instance");
  arguments.rest(names).parse(std::move(words));
  const bool is_patronictl = context.program() == "patronictl";
  fmt::print(context.out(), "{} version {}\n", context.program(), is_patronictl ? model::kPatroniVersion : model::kVersion);
  if (names.empty()) return 0;
  context.out() << "\n";
  const auto cluster = context.read(names[0]);
  Words members;
  std::vector<Call> calls;
  for (const auto& [name, member] : cluster->members) {
    const bool wanted = names.size() == 1 || std::find(names.begin() + 1, names.end(), name.text) != names.end();
    if (!wanted || member.api_url.empty()) continue;
    members.push_back(name.text);
    calls.push_back({.api_url = member.api_url, .endpoint = "patroni"});
  }
  const auto answers = context.call_all(std::move(calls));
  for (std::size_t i = 0; i < members.size(); ++i) fmt::print(context.out(), "{}\n", version_line(members[i], answers[i]));
  return 0;
}

}  // namespace matriarch::ctl
