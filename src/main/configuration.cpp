#include "main/configuration.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "main/programs.hpp"
#include "settings/dynamic_cache.hpp"
#include "settings/environment.hpp"

extern char** environ;  // POSIX: not declared by a header

namespace matriarch::main {
namespace {

std::string lines_of(const settings::Complaints& complaints) {
  std::string text;
  for (const auto& complaint : complaints) {
    if (!text.empty()) text += '\n';
    text += settings::to_text(complaint);
  }
  return text;
}

}  // namespace

settings::Environment process_environment() {
  settings::Environment result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

bool names_configuration(const settings::Environment& environment) {
  return !settings::variable(environment, "PATRONI_CONFIGURATION").empty() || !settings::read_environment(environment, {}).tree.empty();
}

std::optional<std::string> why_unusable(const std::string& path, const settings::Environment& environment) {
  const auto why = path.empty() ? std::nullopt : settings::why_unreadable(path);
  std::error_code error;
  if (!why || (!std::filesystem::exists(path, error) && names_configuration(environment))) return std::nullopt;
  return fmt::format("{}: {}", path, *why);
}

void Configuration::clear_environment() const {
  for (const auto& name : loaded_.consumed) ::unsetenv(name.c_str());
}

tl::expected<Configuration, std::string> Configuration::read(const std::string& path, settings::Purpose purpose) {
  Configuration configuration;
  configuration.source_ = {.path = path == kEnvironment ? "" : path, .environment = process_environment()};
  if (const auto why = why_unusable(configuration.source_.path, configuration.source_.environment)) return tl::make_unexpected(*why);
  configuration.circumstances_.purpose = purpose;
  if (auto made = configuration.make(std::nullopt, true); !made) return tl::make_unexpected(made.error());
  // What the last run accepted is in force until the store says otherwise.
  if (purpose == settings::Purpose::kNode) {
    auto cached = settings::read_cache(configuration.settings_->postgresql.data_dir);
    if (!cached) {
      configuration.warnings_.push_back(settings::to_text(cached.error()));
    } else if (*cached) {
      configuration.dynamic_.cached = **cached;
      if (auto made = configuration.make(std::nullopt, false); !made) configuration.warnings_.push_back(made.error());
    }
  }
  return configuration;
}

tl::expected<std::shared_ptr<const model::Settings>, std::string> Configuration::make(std::optional<boost::json::object> document, bool reread) {
  settings::Loaded loaded = loaded_;
  if (reread) {
    loaded = settings::load(source_);
    if (!loaded.usable()) return tl::make_unexpected(lines_of(loaded.complaints));
  }
  settings::DynamicSources dynamic = dynamic_;
  if (document) dynamic.store = std::move(document);
  auto effective = settings::make_settings(loaded, dynamic, circumstances_);
  if (!effective.usable()) return tl::make_unexpected(lines_of(effective.complaints));
  if (!effective.rejected.empty()) return tl::make_unexpected(lines_of(effective.rejected));
  loaded_ = std::move(loaded);
  dynamic_ = std::move(dynamic);
  if (reread) {
    warnings_.clear();
    for (const auto& complaint : loaded_.complaints) warnings_.push_back(settings::to_text(complaint));
    for (const auto& complaint : effective.complaints) warnings_.push_back(settings::to_text(complaint));
  }
  settings_ = std::make_shared<const model::Settings>(std::move(effective.settings));
  return settings_;
}

std::vector<std::string> run_directories(const model::Settings& settings) {
  if (!settings.run_dir.empty()) return {settings.run_dir};
  const auto* embedded = std::get_if<model::EmbeddedStoreSettings>(&settings.store);
  const std::string beside = settings.postgresql.data_dir.empty() && embedded ? embedded->data_dir : settings.postgresql.data_dir;
  return {fmt::format("/run/matriarch/{}-{}", settings.scope, settings.name), beside + ".run"};
}

tl::expected<std::string, std::string> make_run_directory(const model::Settings& settings) {
  std::string why;
  for (const auto& directory : run_directories(settings)) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    struct stat status {};
    if (error || ::stat(directory.c_str(), &status) != 0) {
      why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", directory, error ? error.message() : std::strerror(errno));
      continue;
    }
    if (status.st_uid != ::geteuid() || ::chmod(directory.c_str(), 0700) != 0) {
      why += fmt::format("{}{}: belongs to somebody else", why.empty() ? "" : "; ", directory);
      continue;
    }
    return directory;
  }
  return tl::make_unexpected("no usable run directory (set run_dir): " + why);
}

std::string store_socket(const std::string& run_directory) { return run_directory + "/store.sock"; }

}  // namespace matriarch::main
