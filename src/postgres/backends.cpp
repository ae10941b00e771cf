#include "postgres/backends.hpp"

#include <algorithm>
#include <array>

#include "system/proc.hpp"
#include "system/process_tree.hpp"

namespace matriarch::postgres {
namespace {

constexpr std::array<std::string_view, 34> kOwn = {
    "archiver", "startup", "autovacuum launcher", "autovacuum worker", "checkpointer", "logger", "stats collector", "wal receiver", "wal writer",
    "writer", "syslogger", "walreceiver", "wal sender process", "walsender", "walwriter", "background writer", "logical replication launcher",
    "logical replication worker for subscription", "logical replication tablesync worker for subscription",
    "logical replication parallel apply worker for subscription", "logical replication apply worker for subscription", "slotsync worker",
    "walsummarizer", "io worker", "datachecksums launcher", "datachecksums worker", "bgworker:", "stats collector process", "archiver process",
    "checkpointer process", "startup process", "logger process", "wal writer process", "writer process"};

bool begins_with_own_name(std::string_view text) {
  return std::any_of(kOwn.begin(), kOwn.end(), [&](std::string_view name) {
    return text.starts_with(name) && (text.size() == name.size() || text[name.size()] == ' ');
  });
}

}  // namespace

bool is_client_backend(std::string_view title) {
  constexpr std::string_view kPrefix = "postgres: ";
  if (!title.starts_with(kPrefix)) return false;  // forked, not yet named: the next look tells
  title.remove_prefix(kPrefix.size());
  if (begins_with_own_name(title)) return false;
  const auto colon = title.find(": ");
  return colon == std::string_view::npos || !begins_with_own_name(title.substr(colon + 2));
}

bool has_client_backends(pid_t postmaster) {
  system::ProcessTree tree(1024);
  const auto children = tree.children(postmaster);
  return std::any_of(children.begin(), children.end(), [](const system::ProcessStat& child) {
    const auto arguments = system::process_arguments(child.pid);
    return !child.has_ended() && arguments && !arguments->empty() && is_client_backend(arguments->front());
  });
}

}  // namespace matriarch::postgres
