#include "postgres/data_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "postgres/history_file.hpp"
#include "postgres/text.hpp"
#include "postgres/version.hpp"
#include "system/fd.hpp"
#include "system/file.hpp"

namespace matriarch::postgres {
namespace {

namespace fs = std::filesystem;

tl::unexpected<std::string> failed(std::string_view what, const std::string& path, const std::error_code& error) {
  return tl::unexpected(fmt::format("could not {} {}: {}", what, path, error.message()));
}

FileResult remove_file(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return failed("remove", path, std::error_code(errno, std::generic_category()));
}

FileResult create_empty(const std::string& path, mode_t mode) {
  const system::Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, mode));
  if (!fd) return failed("create", path, std::error_code(errno, std::generic_category()));
  return {};
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// The links inside a data directory that lead to data outside of it.
std::vector<fs::path> links_of(const std::string& data_directory) {
  std::vector<fs::path> links;
  std::error_code error;
  const fs::path wal = fs::path(data_directory) / "pg_wal";
  if (fs::is_symlink(wal, error)) links.push_back(wal);
  for (fs::directory_iterator entry(fs::path(data_directory) / "pg_tblspc", error), end; !error && entry != end; entry.increment(error)) {
    const auto oid = to_number<std::uint32_t>(entry->path().filename().string());
    if (oid && *oid != 0 && entry->is_symlink(error)) links.push_back(entry->path());
  }
  return links;
}

FileResult remove_content(const std::string& directory) {
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    if (auto removed = system::remove_tree(entry->path().string()); !removed) return tl::unexpected(removed.error().message());
  }
  if (error) return failed("read", directory, error);
  return {};
}

FileResult move_aside(const std::string& path, const std::string& suffix) {
  const std::string target = path + suffix;
  if (auto removed = system::remove_tree(target); !removed) return tl::unexpected(removed.error().message());
  std::error_code error;
  fs::rename(path, target, error);
  if (error) return failed("rename", path, error);
  return {};
}

}  // namespace

DirectoryLook look_at(const std::string& data_directory) {
  DirectoryLook look{.real_path = without_trailing_slashes(data_directory)};
  std::error_code error;
  if (!fs::exists(data_directory, error) && !error) return look;
  bool has_content = false;
  for (fs::directory_iterator entry(data_directory, error), end; !error && entry != end && !has_content; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    has_content = !name.starts_with('.') && name != "lost+found";
  }
  if (error) {
    look.state = model::DataDirectory::kInaccessible;
    look.error = error.message();
    return look;
  }
  if (const auto real = fs::canonical(data_directory, error); !error) look.real_path = real.string();
  if (!has_content) return look;
  look.state = model::DataDirectory::kPresent;
  if (const auto version = system::read_file(data_directory + "/PG_VERSION", 64)) look.major_version = parse_major_version(*version).value_or(0);
  look.has_standby_signal = system::exists(data_directory + "/standby.signal");
  look.has_recovery_signal = look.has_standby_signal || system::exists(data_directory + "/recovery.signal");
  look.has_backup_label = system::exists(data_directory + "/backup_label");
  return look;
}

mode_t file_mode_in(const std::string& data_directory) {
  struct stat info {};
  const bool group_reads = ::stat(data_directory.c_str(), &info) == 0 && (info.st_mode & 0750) == 0750;
  return group_reads ? 0640 : 0600;
}

bool is_mount_point(const std::string& path) {
  struct stat self {}, parent {};
  if (::stat(path.c_str(), &self) != 0 || ::stat((path + "/..").c_str(), &parent) != 0) return false;
  return self.st_dev != parent.st_dev;
}

bool has_tablespaces_or_linked_wal(const std::string& data_directory) {
  return !links_of(data_directory).empty();
}

FileResult remove_data(const std::string& data_directory) {
  const std::string path = without_trailing_slashes(data_directory);
  std::error_code error;
  if (fs::is_symlink(path, error)) return remove_file(path);
  if (!fs::exists(path, error)) return {};
  for (const auto& link : links_of(path)) {
    const auto target = fs::canonical(link, error);
    // A tablespace that cannot be removed must not keep the rest: pg_basebackup will name it.
    if (!error) (void)system::remove_tree(target.string());
  }
  if (is_mount_point(path) || ::access(fs::path(path).parent_path().c_str(), W_OK | X_OK) != 0) return remove_content(path);
  if (auto removed = system::remove_tree(path); !removed) return tl::unexpected(removed.error().message());
  return {};
}

FileResult rename_data(const std::string& data_directory, const std::string& suffix) {
  const std::string path = without_trailing_slashes(data_directory);
  std::error_code error;
  if (!fs::is_directory(path, error)) return {};
  for (const auto& link : links_of(path)) {
    const auto target = fs::canonical(link, error);
    if (error) continue;  // a dangling link has nothing to move
    if (auto moved = move_aside(target.string(), suffix); !moved) return moved;
    fs::remove(link, error);
    fs::create_directory_symlink(target.string() + suffix, link, error);
    if (error) return failed("re-point", link.string(), error);
  }
  return move_aside(path, suffix);
}

namespace {

constexpr const char* kRewindAttribute = "user.matriarch.rewinding";

std::string rewind_file(const std::string& data_directory) { return without_trailing_slashes(data_directory) + ".rewinding"; }

// What tells this directory from another one of its name. Without the device: its number may differ after a reboot.
std::string identity_of(const std::string& data_directory) {
  struct stat status {};
  return ::stat(data_directory.c_str(), &status) == 0 ? std::to_string(status.st_ino) : std::string();
}

bool mark_by_attribute(const std::string& data_directory) {
  const system::Fd directory(::open(data_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory && ::fsetxattr(directory.get(), kRewindAttribute, "1", 1, 0) == 0 && ::fsync(directory.get()) == 0;
}

}  // namespace

FileResult mark_rewinding(const std::string& data_directory) {
  if (mark_by_attribute(data_directory)) return {};
  if (auto written = system::write_atomically(rewind_file(data_directory), identity_of(data_directory)); !written) {
    return tl::unexpected(written.error().message());
  }
  return {};
}

FileResult unmark_rewinding(const std::string& data_directory) {
  if (::removexattr(data_directory.c_str(), kRewindAttribute) != 0 && errno != ENODATA && errno != ENOTSUP && errno != ENOENT) {
    return failed("remove the attribute of an unfinished rewind from", data_directory, std::error_code(errno, std::generic_category()));
  }
  return remove_file(rewind_file(data_directory));
}

bool is_half_rewound(const std::string& data_directory) {
  if (::getxattr(data_directory.c_str(), kRewindAttribute, nullptr, 0) >= 0) return true;
  const auto mark = system::read_file(rewind_file(data_directory), 256);
  return mark && !mark->empty() && *mark == identity_of(data_directory);
}

FileResult make_standby_signal(const std::string& data_directory) {
  if (auto removed = remove_file(data_directory + "/recovery.signal"); !removed) return removed;
  return create_empty(data_directory + "/standby.signal", file_mode_in(data_directory));
}

FileResult make_recovery_signal(const std::string& data_directory) {
  if (auto removed = remove_file(data_directory + "/standby.signal"); !removed) return removed;
  return create_empty(data_directory + "/recovery.signal", file_mode_in(data_directory));
}

FileResult remove_signal_files(const std::string& data_directory) {
  for (const char* name : {"/recovery.conf", "/standby.signal", "/recovery.signal"}) {
    if (auto removed = remove_file(data_directory + name); !removed) return removed;
  }
  return {};
}

bool create_promote_file(const std::string& data_directory) {
  return create_empty(data_directory + "/promote", file_mode_in(data_directory)).has_value();
}

model::HistoryFile read_history_file(const std::string& data_directory, model::Timeline timeline) {
  const std::string path = data_directory + "/pg_wal/" + history_file_name(timeline);
  const auto content = system::read_file(path, 1 << 20);
  struct stat info {};
  if (!content || ::stat(path.c_str(), &info) != 0) return {.timeline = timeline};
  tm local{};
  ::localtime_r(&info.st_mtim.tv_sec, &local);
  const long offset = local.tm_gmtoff / 60;
  return {.timeline = timeline,
          .lines = parse_history_file(*content),
          .written_at = fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}{}{:02}:{:02}", local, info.st_mtim.tv_nsec / 1000, offset < 0 ? '-' : '+',
                                    std::abs(offset) / 60, std::abs(offset) % 60)};
}

}  // namespace matriarch::postgres
