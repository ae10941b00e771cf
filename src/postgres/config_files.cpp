#include "postgres/config_files.hpp"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>

#include "system/file.hpp"

namespace matriarch::postgres {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxConfigFile = 16 << 20;

// Where a link leads: it is the target that is replaced, the link stays.
std::string resolved(const std::string& path) {
  std::error_code error;
  const auto target = fs::weakly_canonical(path, error);
  return error ? path : target.string();
}

// Inside the data directory its modes count; elsewhere the file keeps the mode it has, or gets a private one.
mode_t mode_for(const std::string& path, const std::string& data_directory) {
  struct stat info {};
  const bool inside = resolved(path).starts_with(resolved(data_directory) + "/");
  if (!inside && ::stat(path.c_str(), &info) == 0) return info.st_mode & 0777;
  return file_mode_in(data_directory);
}

model::Result<bool, std::string> write_if_changed(const std::string& path, const std::string& content, mode_t mode) {
  const std::string target = resolved(path);
  struct stat info {};
  const bool mode_fits = ::stat(target.c_str(), &info) == 0 && (info.st_mode & 0777) == mode;
  if (const auto present = system::read_file(target, kMaxConfigFile); mode_fits && present && *present == content) return false;
  if (auto written = system::write_atomically(target, content, mode); !written) return tl::unexpected("could not " + written.error().message());
  return true;
}

// Which file ours includes first; makes it from what initdb or the distribution left.
model::Result<std::string, std::string> prepare_include(const ConfigPaths& paths) {
  if (!paths.custom_conf.empty()) return paths.custom_conf;
  if (!system::exists(paths.base_conf())) {
    std::error_code error;
    if (system::exists(paths.conf())) {
      fs::rename(paths.conf(), paths.base_conf(), error);
      if (error) return tl::unexpected(fmt::format("could not rename {} to {}: {}", paths.conf(), paths.base_conf(), error.message()));
    } else if (auto written = system::write_atomically(paths.base_conf(), "", mode_for(paths.base_conf(), paths.data_directory)); !written) {
      return tl::unexpected("could not " + written.error().message());
    }
  }
  return paths.base_name + ".base.conf";
}

FileResult check_directory(const std::string& configured, const std::string& data_directory) {
  const std::string path = configured.starts_with('/') ? configured : data_directory + "/" + configured;
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return tl::unexpected(fmt::format("could not create the directory {}: {}", path, error.message()));
  if (!fs::is_directory(path, error)) return tl::unexpected(fmt::format("{} is not a directory", path));
  if (::access(path.c_str(), W_OK | X_OK) != 0) return tl::unexpected(fmt::format("the directory {} is not writable", path));
  return {};
}

std::vector<std::string> backed_up(const ConfigPaths& paths) {
  std::vector<std::string> files = {paths.conf(), paths.hba(), paths.ident()};
  if (paths.custom_conf.empty()) files.push_back(paths.base_conf());
  return files;
}

std::string backup_of(const std::string& file, const ConfigPaths& paths) {
  return paths.data_directory + "/" + file.substr(file.rfind('/') + 1) + ".backup";
}

FileResult copy(const std::string& from, const std::string& to, mode_t mode) {
  const auto content = system::read_file(from, kMaxConfigFile);
  if (!content) return tl::unexpected("could not " + content.error().message());
  if (auto written = write_if_changed(to, *content, mode); !written) return tl::unexpected(written.error());
  return {};
}

}  // namespace

model::Result<bool, std::string> write_config(const ConfigFiles& files) {
  const ConfigPaths& paths = files.paths;
  for (const auto& directory : files.directories) {
    if (auto checked = check_directory(directory, paths.data_directory); !checked) return tl::unexpected(checked.error());
  }
  auto include = prepare_include(paths);
  if (!include) return tl::unexpected(include.error());
  PostgresqlConf conf = files.conf;
  conf.include = *include;

  struct File {
    std::string path, content;
    mode_t mode;
  };
  std::vector<File> wanted;
  if (files.passfile) wanted.push_back({files.passfile->first, files.passfile->second, 0600});
  wanted.push_back({paths.conf(), render(conf), mode_for(paths.conf(), paths.data_directory)});
  if (files.hba) wanted.push_back({paths.hba(), render_lines(*files.hba), mode_for(paths.hba(), paths.data_directory)});
  if (files.ident) wanted.push_back({paths.ident(), render_lines(*files.ident), mode_for(paths.ident(), paths.data_directory)});
  const std::string auto_conf = paths.data_directory + "/postgresql.auto.conf";
  if (files.cleans_auto_conf) {
    if (const auto content = system::read_file(auto_conf, kMaxConfigFile)) {
      if (auto cleaned = without_recovery_settings(*content)) wanted.push_back({auto_conf, *cleaned, file_mode_in(paths.data_directory)});
    }
  }

  bool changed = false;
  for (const auto& file : wanted) {
    const auto written = write_if_changed(file.path, file.content, file.mode);
    if (!written) return tl::unexpected(written.error());
    changed = changed || *written;
  }
  return changed;
}

FileResult save_config_backups(const ConfigPaths& paths) {
  for (const auto& file : backed_up(paths)) {
    if (!system::exists(file)) continue;
    if (auto copied = copy(file, backup_of(file, paths), file_mode_in(paths.data_directory)); !copied) return copied;
  }
  return {};
}

FileResult restore_config_backups(const ConfigPaths& paths) {
  for (const auto& file : backed_up(paths)) {
    const std::string backup = backup_of(file, paths);
    if (system::exists(file)) continue;
    if (system::exists(backup)) {
      if (auto copied = copy(backup, file, mode_for(file, paths.data_directory)); !copied) return copied;
    } else if (file == paths.ident()) {
      if (auto written = system::write_atomically(file, "", mode_for(file, paths.data_directory)); !written) {
        return tl::unexpected("could not " + written.error().message());
      }
    }
  }
  return {};
}

FileResult append_lines(const std::string& path, const std::vector<std::string>& lines) {
  const auto present = system::read_file(path, kMaxConfigFile);
  std::string content = present ? *present : std::string{};
  if (!content.empty() && !content.ends_with('\n')) content += '\n';
  for (const auto& line : lines) content += line + "\n";
  struct stat info {};
  const mode_t mode = ::stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0600;
  if (auto written = system::write_atomically(resolved(path), content, mode); !written) return tl::unexpected("could not " + written.error().message());
  return {};
}

}  // namespace matriarch::postgres
