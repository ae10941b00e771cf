// store: the members of the embedded store, its backup, and what is left when its quorum is lost.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "ctl/arguments.hpp"
#include "ctl/commands/commands.hpp"
#include "ctl/ctl.hpp"
#include "ctl/failure.hpp"
#include "model/json_text.hpp"

namespace matriarch::ctl {
namespace {

struct StoreStep {
  std::string_view name;
  std::string_view argument;
  std::string_view summary;
  int (*run)(Context& context, const StoreStep& step, Words words);
};

constexpr std::string_view kStoreCommand = "store";

template <typename T>
T answer_of(StoreAnswer<T> answer) {
  if (!answer) throw Failure{answer.error()};
  if constexpr (!std::is_void_v<T>) return std::move(*answer);
}

std::string step_name(const Context& context, const StoreStep& step) { return fmt::format("{} {}", context.command(kStoreCommand), step.name); }

// The step's one argument, or none.
std::string parse_step(Arguments& arguments, const StoreStep& step, Words words) {
  Words given;
  arguments.rest(given).parse(std::move(words));
  const std::size_t wanted = step.argument.empty() ? 0 : 1;
  if (given.size() < wanted) arguments.fail(fmt::format("Missing argument '{}'.", step.argument));
  if (given.size() > wanted) arguments.fail(fmt::format("Got unexpected extra argument ({})", given[wanted]));
  return wanted == 0 ? std::string() : given.front();
}

// Says what can be lost, then asks, unless --force was given.
void ask_first(Context& context, bool force, const std::string& warning, const std::string& question) {
  if (force) return;
  context.out() << warning;
  if (!context.prompt().confirm(question)) throw Aborted{};
}

int run_store_status(Context& context, const StoreStep& step, Words words) {
  bool as_json = false;
  Arguments arguments(step_name(context, step), "", "Members of the store, who leads, who does not answer. Exit code 1 when there is no leader");
  arguments.flag("--json", as_json, "As JSON");
  parse_step(arguments, step, std::move(words));
  const auto store = context.embedded_store();
  const auto status = answer_of(store.status());
  if (as_json) fmt::print(context.out(), "{}\n", model::write_json(status, model::JsonSpacing::kSpaced));
  else context.out() << store.render_status(status);
  const auto* led = status.as_object().if_contains("has_leader");
  return led != nullptr && led->is_bool() && led->get_bool() ? 0 : 1;
}

int run_store_add(Context& context, const StoreStep& step, Words words) {
  Arguments arguments(step_name(context, step), std::string(step.argument),
                      "Let the node at this Raft address (its embedded.advertise) into the store. It must be running and belong to no cluster.\n"
                      "  A node whose embedded.peers names any member joins by itself; this is for one whose list leads nowhere.");
  const auto address = parse_step(arguments, step, std::move(words));
  answer_of(context.embedded_store().add(address));
  fmt::print(context.out(), "The node at {} is a member of the store\n", address);
  return 0;
}

int run_store_remove(Context& context, const StoreStep& step, Words words) {
  bool force = false;
  Arguments arguments(step_name(context, step), std::string(step.argument),
                      "Take a member (its name, address or id) out of the store, with its vote. Refused when those that remain would be no majority.");
  arguments.flag("--force", force, "Do not ask for confirmation");
  const auto member = parse_step(arguments, step, std::move(words));
  const auto store = context.embedded_store();
  ask_first(context, force,
            fmt::format("{} loses its vote and its copy of the store is of no use any more. PostgreSQL on it is not touched.\n"
                        "To let it back in, its consensus directory must be moved away first.\n", member),
            fmt::format("Take {} out of the store?", member));
  answer_of(store.remove(member));
  fmt::print(context.out(), "{} was taken out of the store\n", member);
  return 0;
}

int run_store_snapshot(Context& context, const StoreStep& step, Words words) {
  bool force = false;
  Arguments arguments(step_name(context, step), std::string(step.argument), "Write all keys of the store with their revisions to a file");
  arguments.flag("--force", force, "Replace the file if it exists");
  const auto file = parse_step(arguments, step, std::move(words));
  std::error_code failed;
  if (!force && std::filesystem::exists(file, failed)) throw Failure{fmt::format("{} exists; --force replaces it", file)};
  const auto bytes = answer_of(context.embedded_store().snapshot(file));
  fmt::print(context.out(), "{} bytes in {}\n", bytes, file);
  return 0;
}

int run_store_restore(Context& context, const StoreStep& step, Words words) {
  bool force = false;
  Arguments arguments(step_name(context, step), std::string(step.argument), "Replace all keys of the running store by those of a snapshot");
  arguments.flag("--force", force, "Do not ask for confirmation");
  const auto file = parse_step(arguments, step, std::move(words));
  const auto store = context.embedded_store();
  answer_of(store.check_snapshot(file));
  ask_first(context, force,
            fmt::format("Every key of the store is replaced by what {} holds: configuration, history and synchronous state are as they\n"
                        "were when it was written; whatever changed since is lost. If the synchronous standby has changed since, a failover\n"
                        "right after this may choose one that lacks commits: stop PostgreSQL on the other nodes before, or be sure it has not.\n"
                        "All leases end: a running primary stops, and the nodes elect one anew.\n", file),
            "Replace the content of the store?");
  answer_of(store.restore(file));
  fmt::print(context.out(), "The store holds what {} held\n", file);
  return 0;
}

int run_store_recover(Context& context, const StoreStep& step, Words words) {
  bool force = false;
  Arguments arguments(step_name(context, step), "",
                      "When a majority of the members is gone for good: make this node the only member of a cluster of its own, with what its\n"
                      "  log holds. The node's service must be stopped. The others join anew, after their consensus directories were removed.");
  arguments.flag("--force", force, "Do not ask for confirmation");
  parse_step(arguments, step, std::move(words));
  const auto store = context.embedded_store();
  answer_of(store.check_recovery());
  const auto& embedded = std::get<model::EmbeddedStoreSettings>(context.settings().store);
  ask_first(context, force,
            fmt::format("This makes {} the only member of a new cluster, with the keys that its own log in {} holds.\n"
                        "Lost is whatever the other members acknowledged and this one did not receive: do it only when a majority is gone for\n"
                        "good, and on the node that was in use last. If the others still run, or come back, there are two clusters and two\n"
                        "primaries: make sure they are off, and remove their consensus directories before they are started again.\n",
                        context.settings().name.text, embedded.data_dir),
            "Make a new cluster of this node alone?");
  answer_of(store.recover());
  fmt::print(context.out(), "{} is the only member of a new cluster. Start its service; then remove the consensus directories of the others and start them\n",
             context.settings().name.text);
  return 0;
}

constexpr std::array kSteps{
    StoreStep{"status", "", "Show the members, who leads and who does not answer", run_store_status},
    StoreStep{"add", "ADDRESS", "Let a node in whose own list of peers leads nowhere", run_store_add},
    StoreStep{"remove", "MEMBER", "Take a member out, with its vote", run_store_remove},
    StoreStep{"snapshot", "FILE", "Write all keys to a file", run_store_snapshot},
    StoreStep{"restore", "FILE", "Replace all keys by those of a file", run_store_restore},
    StoreStep{"recover", "", "The quorum is lost for good: go on with this node alone", run_store_recover},
    StoreStep{"force-new-cluster", "", "The same as recover", run_store_recover},
};

std::string store_usage(const Context& context) { return fmt::format("Usage: {} COMMAND [ARGS]...", context.command(kStoreCommand)); }

std::string store_help(const Context& context) {
  std::string text = fmt::format("{}\n\n  The embedded store of this node's cluster: its members, its backup, its recovery\n\nCommands:\n", store_usage(context));
  for (const auto& step : kSteps) text += fmt::format("  {:<26} {}\n", fmt::format("{} {}", step.name, step.argument), step.summary);
  return text;
}

}  // namespace

bool is_store_command(std::string_view name) {
  return std::any_of(kSteps.begin(), kSteps.end(), [&](const StoreStep& step) { return step.name == name; });
}

int run_store(Context& context, Words words) {
  const auto fail = [&](std::string what) { throw UsageError{store_usage(context), context.command(kStoreCommand), std::move(what)}; };
  if (words.empty()) fail("Missing command.");
  if (words.front() == "--help") throw HelpRequested{store_help(context)};
  const auto step = std::find_if(kSteps.begin(), kSteps.end(), [&](const StoreStep& one) { return one.name == words.front(); });
  if (step == kSteps.end()) fail(fmt::format("No such command '{}'.", words.front()));
  words.erase(words.begin());
  // Help needs no configuration.
  if (std::find(words.begin(), words.end(), "--help") == words.end()) context.load();
  return step->run(context, *step, std::move(words));
}

}  // namespace matriarch::ctl
