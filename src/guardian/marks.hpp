// To whom a process belongs, when its parents are gone: the mark in its environment.
//
// Every program the guardian starts carries MATRIARCH_GUARDED=ROLE:RUN_DIRECTORY, and what it starts inherits it. So a
// new guardian finds what a dead one left (a pg_rewind at work, a postmaster that has no pid file yet) and tells it from
// the processes of another node on the same machine. Backends of PostgreSQL write their titles over their environment:
// those are found by directory, program and title.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "guardian/page.hpp"
#include "system/proc.hpp"

namespace matriarch::guardian {

inline constexpr std::string_view kMarkVariable = "MATRIARCH_GUARDED";

enum class Ward { kAgent, kStore, kPostgres };

// "MATRIARCH_GUARDED=agent:/run/matriarch/demo-n1"
std::string mark(Ward ward, std::string_view run_directory);

// `environment` without any mark, and with this one.
std::vector<std::string> marked_environment(const std::vector<std::string>& environment, Ward ward,
                                            std::string_view run_directory);
std::vector<std::string> own_environment();

// Whether the process was started with that mark. False when it is gone or not ours to read.
bool carries_mark(pid_t pid, std::string_view wanted);

// All processes of the machine with that mark, except the caller.
std::vector<system::ProcessStat> find_marked(std::string_view wanted);

// A process of PostgreSQL at work in that directory (as /proc spells it).
bool is_postgres_in(pid_t pid, std::string_view data_directory);
// Backends and helpers of PostgreSQL in that directory whose postmaster is gone: they are titled "postgres: ..." and
// their parent is no PostgreSQL of the same directory. Not a zombie.
std::vector<system::ProcessStat> find_orphaned_backends(std::string_view data_directory);

// The postmaster that DIRECTORY/postmaster.pid names, if it is alive, is PostgreSQL and works in that directory.
std::optional<ProcessRef> find_postmaster(const std::string& data_directory);

// The path with its symbolic links resolved, as /proc would show it; of one that does not exist yet, as far as it does.
std::string resolved(const std::string& path);

std::optional<ProcessRef> identify(pid_t pid);   // nothing when it has ended
bool is_alive(const ProcessRef& process);        // and still the same process; a zombie is not

}  // namespace matriarch::guardian
