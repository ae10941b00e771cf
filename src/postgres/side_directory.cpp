#include "postgres/side_directory.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "system/file.hpp"

namespace matriarch::postgres {
namespace {

namespace fs = std::filesystem;

std::string real_path(const std::string& path) {
  std::error_code error;
  auto real = fs::weakly_canonical(path, error).string();
  while (real.size() > 1 && real.ends_with('/')) real.pop_back();
  return error ? path : real;
}

std::string parent_of(const std::string& path) {
  const auto parent = fs::path(path).parent_path().string();
  return parent.empty() ? "/" : parent;
}

FileResult failed(std::string_view what, const std::string& path) {
  return tl::unexpected(fmt::format("could not {} {}: {}", what, path, std::strerror(errno)));
}

FileResult make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("create", path);
  return {};
}

std::string reason_for_in_place(const std::string& real) {
  if (is_mount_point(real)) return "it is a mount point";
  if (::access(parent_of(real).c_str(), W_OK | X_OK) != 0) return parent_of(real) + " is not writable";
  if (has_tablespaces_or_linked_wal(real)) return "it has tablespaces or WAL elsewhere";
  return {};
}

// Without global/pg_control a directory is no cluster's.
FileResult move_up(const std::string& from, const std::string& to) {
  const auto move = [&](const std::string& name) -> FileResult {
    if (::rename((from + "/" + name).c_str(), (to + "/" + name).c_str()) != 0) return failed("rename", from + "/" + name);
    return {};
  };
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) names.push_back(entry->path().filename().string());
  if (error) return tl::unexpected(fmt::format("could not read {}: {}", from, error.message()));
  std::erase(names, "global");
  for (const auto& name : names) {
    if (auto moved = move(name); !moved) return moved;
  }
  if (auto moved = move("global"); !moved) return moved;
  if (::rmdir(from.c_str()) != 0) return failed("remove", from);
  if (auto synced = system::sync_path(to); !synced) return tl::unexpected(synced.error().message());
  return {};
}

}  // namespace

model::Result<CopyPlan, std::string> prepare_copy(const std::string& data_directory) {
  const std::string real = real_path(data_directory);
  CopyPlan plan{.target = real + ".clone", .beside = true, .why_in_place = reason_for_in_place(real)};
  if (!plan.why_in_place.empty()) {
    plan.target = real + "/.clone";
    plan.beside = false;
    if (auto removed = remove_data(real); !removed) return tl::unexpected(removed.error());
    if (auto made = make_directory(real); !made) return tl::unexpected(made.error());
  } else if (auto removed = discard_copy(plan); !removed) {
    return tl::unexpected(removed.error());
  }
  if (auto made = make_directory(plan.target); !made) return tl::unexpected(made.error());
  return plan;
}

FileResult discard_copy(const CopyPlan& plan) {
  return remove_data(plan.target);
}

FileResult swap_in(const CopyPlan& plan, const std::string& data_directory) {
  const std::string real = real_path(data_directory);
  if (!plan.beside) return move_up(plan.target, real);
  if (::access(real.c_str(), F_OK) != 0) {
    if (auto renamed = system::rename_durably(plan.target, real); !renamed) return tl::unexpected(renamed.error().message());
    return {};
  }
  if (::renameat2(AT_FDCWD, plan.target.c_str(), AT_FDCWD, real.c_str(), RENAME_EXCHANGE) != 0) {
    // The file system cannot exchange: for a moment there is no data directory.
    const std::string old = real + ".old";
    if (auto removed = system::remove_tree(old); !removed) return tl::unexpected(removed.error().message());
    if (::rename(real.c_str(), old.c_str()) != 0) return failed("rename", real);
    if (::rename(plan.target.c_str(), real.c_str()) != 0) {
      const auto why = failed("rename", plan.target);
      ::rename(old.c_str(), real.c_str());
      return why;
    }
    if (::rename(old.c_str(), plan.target.c_str()) != 0) return failed("rename", old);
  }
  if (auto synced = system::sync_path(parent_of(real)); !synced) return tl::unexpected(synced.error().message());
  return discard_copy(plan);
}

FileResult put_aside(const std::string& data_directory, const std::string& aside) {
  if (has_tablespaces_or_linked_wal(data_directory)) return tl::unexpected(data_directory + " has tablespaces or WAL elsewhere");
  if (auto removed = system::remove_tree(aside); !removed) return tl::unexpected(removed.error().message());
  if (auto renamed = system::rename_durably(data_directory, aside); !renamed) return tl::unexpected(renamed.error().message());
  return {};
}

FileResult put_back(const std::string& data_directory, const std::string& aside) {
  if (auto removed = remove_data(data_directory); !removed) return removed;
  if (auto renamed = system::rename_durably(aside, data_directory); !renamed) return tl::unexpected(renamed.error().message());
  return {};
}

}  // namespace matriarch::postgres
