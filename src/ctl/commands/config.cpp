// show-config and edit-config.
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fstream>
#include <iterator>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/config_change.hpp"
#include "ctl/editor.hpp"
#include "ctl/failure.hpp"
#include "ctl/unified_diff.hpp"
#include "model/json_merge.hpp"
#include "model/json_text.hpp"
#include "settings/dynamic.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;

struct EditOptions {
  bool quiet = false, force = false, dry_run = false;
  Words set, pg;
  std::optional<std::string> apply, replace;
  bool interactive() const { return set.empty() && pg.empty() && !apply && !replace; }
  bool reads_stdin() const { return apply == "-" || replace == "-"; }
};

json::object read_mapping(Context& context, const std::string& path) {
  std::string text;
  if (path == "-") {
    text.assign(std::istreambuf_iterator<char>(context.streams().in), {});
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw Failure{fmt::format("cannot read {}", path)};
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  auto mapping = parse_mapping(text, path);
  if (!mapping) throw Failure{mapping.error()};
  return std::move(*mapping);
}

void assign(json::object& document, const std::string& assignment) {
  if (auto set = set_value(document, assignment); !set) throw Failure{set.error()};
}

json::object changed_by_options(Context& context, const json::object& stored, const EditOptions& options) {
  json::object document = stored;
  if (options.replace) {
    document.clear();
    model::merge_patch(document, read_mapping(context, *options.replace));
  }
  if (options.apply) model::merge_patch(document, read_mapping(context, *options.apply));
  for (const auto& pair : options.set) assign(document, pair);
  for (auto pair : options.pg) {
    pair.erase(0, std::min(pair.find_first_not_of(" \t\n"), pair.size()));
    assign(document, "postgresql.parameters." + pair);
  }
  return document;
}

// As PATCH /config does: what no node would accept is not stored. Old mistakes, and what is only adjusted, are. Empty: fine.
// Patroni's tool stores everything.
std::string reasons_against(Context& context, const json::object& stored, const json::object& wanted) {
  std::vector<std::string> reasons;
  if (!context.strict()) return {};
  for (const auto& complaint : settings::refuse_change(stored, wanted, settings::limits_of(context.settings()))) {
    reasons.push_back(settings::to_sentence(complaint));
  }
  return fmt::format("{}", fmt::join(reasons, "\n"));
}

// The operator's text is never lost: a mistake opens the editor again.
json::object changed_by_editor(Context& context, const json::object& stored, const std::string& before, const std::string& cluster_name, std::string& edited) {
  edited = before;
  while (true) {
    edited = edit(edited, cluster_name, context.environment());
    auto mapping = parse_mapping(edited, "the edited configuration");
    const std::string wrong = mapping ? reasons_against(context, stored, *mapping) : mapping.error();
    if (wrong.empty()) return std::move(*mapping);
    fmt::print(context.streams().err, "Error: {}\n", wrong);
    if (!context.prompt().confirm("Edit it again?")) throw Failure{"Config modification aborted"};
  }
}

void warn(Context& context, const json::object& wanted) {
  const auto accepted = settings::accept_dynamic(wanted, settings::limits_of(context.settings()));
  if (!accepted) return;
  for (const auto* complaints : {&accepted->warnings, &accepted->fallbacks}) {
    for (const auto& complaint : *complaints) fmt::print(context.streams().err, "Warning: {}\n", settings::to_sentence(complaint));
  }
}

}  // namespace

int run_show_config(Context& context, Words words) {
  Words names;
  bool as_json = false;
  Arguments arguments(context.command("show-config"), "[CLUSTER_NAME]", "Show cluster configuration");
  arguments.flag("--json", as_json, "As JSON").rest(names).parse(std::move(words));
  const auto cluster = context.read(context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0])));
  if (!cluster->config) return 0;
  if (as_json) fmt::print(context.out(), "{}\n", model::write_json(cluster->config->document, model::JsonSpacing::kSpaced));
  else context.out() << config_text(cluster->config->document) << "\n";
  return 0;
}

int run_edit_config(Context& context, Words words) {
  EditOptions options;
  Words names;
  Arguments arguments(context.command("edit-config"), "[CLUSTER_NAME]", "Edit cluster configuration");
  arguments.flag("-q,--quiet", options.quiet, "Do not show changes")
      .option("-s,--set", options.set, "Set specific configuration value. Can be specified multiple times", "CONFIG=VALUE")
      .option("-p,--pg", options.pg, "Set specific PostgreSQL parameter value. Shorthand for -s postgresql.parameters. Can be specified multiple times", "PARAMETER=VALUE")
      .option("--apply", options.apply, "Apply configuration from file. Use - for stdin.", "FILENAME")
      .option("--replace", options.replace, "Apply configuration from file, replacing existing configuration. Use - for stdin.", "FILENAME")
      .flag("--force", options.force, "Do not ask for confirmation at any point")
      .flag("--dry-run", options.dry_run, "Show the changes, write nothing")
      .rest(names)
      .parse(std::move(words));
  const auto cluster_name = context.cluster_name(names.empty() ? std::nullopt : std::optional(names[0]));
  const auto cluster = context.read(cluster_name);
  if (!cluster->config || !cluster->config->valid) throw Failure{fmt::format("The config key does not exist in the cluster {}", cluster_name)};
  const auto& stored = cluster->config->document;
  const std::string before = config_text(stored);
  std::string after;
  const json::object wanted = options.interactive() ? changed_by_editor(context, stored, before, cluster_name, after) : changed_by_options(context, stored, options);
  if (!options.interactive()) after = config_text(wanted);
  if (wanted == stored) {
    if (!options.quiet) context.out() << "Not changed\n";
    return 0;
  }
  if (!options.quiet) {
    const auto diff = unified_diff(before, after);
    page(context.streams().out_is_terminal ? coloured(diff) : diff, context.streams(), context.environment());
  }
  if (const auto wrong = reasons_against(context, stored, wanted); !wrong.empty()) throw Failure{wrong + "\nNothing was changed"};
  if (context.strict()) warn(context, wanted);
  if (options.dry_run) return 0;
  if (options.reads_stdin() && !options.force) {
    context.out() << "Use --force option to apply changes\n";
    return 0;
  }
  if (!options.force && !context.prompt().confirm("Apply these changes?")) return 0;
  const auto written = context.wait(context.store(cluster_name).write_config(in_old_order(wanted, stored), cluster->config->revision, context.store_timeout()));
  if (!written) {
    if (written.error().failure == ports::StoreFailure::kConflict) throw Failure{"Config modification aborted due to concurrent changes"};
    throw Failure{fmt::format("Config modification aborted: {}", said_plainly(context.settings(), written.error().what))};
  }
  context.out() << "Configuration changed\n";
  return 0;
}

}  // namespace matriarch::ctl
