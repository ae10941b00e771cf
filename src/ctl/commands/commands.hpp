// The commands: each takes the arguments behind its name and returns an exit code.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/context.hpp"

namespace matriarch::ctl {

using Words = std::vector<std::string>;

int run_list(Context& context, Words words);
int run_topology(Context& context, Words words);
int run_history(Context& context, Words words);
int run_dsn(Context& context, Words words);
int run_version(Context& context, Words words);
int run_query(Context& context, Words words);
int run_show_config(Context& context, Words words);
int run_edit_config(Context& context, Words words);
int run_switchover(Context& context, Words words);
int run_failover(Context& context, Words words);
int run_pause(Context& context, Words words);
int run_resume(Context& context, Words words);
int run_reload(Context& context, Words words);
int run_restart(Context& context, Words words);
int run_reinit(Context& context, Words words);
int run_flush(Context& context, Words words);
int run_remove(Context& context, Words words);
int run_demote_cluster(Context& context, Words words);
int run_promote_cluster(Context& context, Words words);
int run_status(Context& context, Words words);
int run_why(Context& context, Words words);
int run_why_no_leader(Context& context, Words words);
int run_events(Context& context, Words words);
int run_wait(Context& context, Words words);
int run_rules(Context& context, Words words);
int run_store(Context& context, Words words);

struct Command {
  std::string_view name;
  std::string_view group;    // of the help
  std::string_view summary;
  int (*run)(Context& context, Words words);
  bool needs_cluster = true;  // false: needs no configuration, or reads it itself
};

std::span<const Command> all_commands();

}  // namespace matriarch::ctl
