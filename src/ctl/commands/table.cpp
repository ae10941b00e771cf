#include <array>

#include "ctl/commands/commands.hpp"

namespace matriarch::ctl {
namespace {

constexpr std::string_view kLook = "Look", kChange = "Change", kConfigure = "Configure", kExplain = "Explain";

constexpr std::array kCommands{
    Command{"status", kLook, "One screen at 3 a.m.: who leads, what is wrong, what can be lost", run_status},
    Command{"list", kLook, "List the members of a cluster", run_list},
    Command{"topology", kLook, "Show who follows whom", run_topology},
    Command{"history", kLook, "Show the history of failovers and switchovers", run_history},
    Command{"events", kLook, "Show what happened on every member, merged by time", run_events},
    Command{"dsn", kLook, "Print a connection string of a member", run_dsn},
    Command{"version", kLook, "Print the version of this program and of a running cluster", run_version},
    Command{"query", kLook, "Query a member of a cluster", run_query},
    Command{"switchover", kChange, "Hand the leader role over to a healthy replica", run_switchover},
    Command{"failover", kChange, "Make a replica the leader although the leader may be gone", run_failover},
    Command{"restart", kChange, "Restart PostgreSQL of members, now or later", run_restart},
    Command{"reload", kChange, "Reload the configuration of members", run_reload},
    Command{"reinit", kChange, "Build a replica anew", run_reinit},
    Command{"pause", kChange, "Disable automatic failover", run_pause},
    Command{"resume", kChange, "Enable automatic failover again", run_resume},
    Command{"flush", kChange, "Discard scheduled restarts or a scheduled switchover", run_flush},
    Command{"demote-cluster", kChange, "Turn a cluster into a standby cluster", run_demote_cluster},
    Command{"promote-cluster", kChange, "Turn a standby cluster into one of its own", run_promote_cluster},
    Command{"remove", kChange, "Remove a cluster from the store", run_remove},
    Command{"store", kChange, "Members, backup and recovery of the embedded store (see `store --help`)", run_store, false},
    Command{"wait", kChange, "Wait until a condition holds (for scripts)", run_wait},
    Command{"show-config", kConfigure, "Show the dynamic configuration", run_show_config},
    Command{"edit-config", kConfigure, "Edit the dynamic configuration", run_edit_config},
    Command{"why", kExplain, "Show what each member decided last, and why", run_why},
    Command{"why-no-leader", kExplain, "Show for each candidate why it does not lead", run_why_no_leader},
    Command{"rules", kExplain, "Print the rules by which every decision is made", run_rules, false},
};

}  // namespace

std::span<const Command> all_commands() { return kCommands; }

}  // namespace matriarch::ctl
