#include "ctl/configuration.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <unistd.h>

#include "ctl/dcs_url.hpp"
#include "ctl/failure.hpp"
#include "settings/effective.hpp"

namespace matriarch::ctl {
namespace {

constexpr std::array kStores{"consul", "embedded", "etcd", "etcd3", "exhibitor", "kubernetes", "raft", "zookeeper"};

bool is_readable(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) && !error && ::access(path.c_str(), R_OK) == 0;
}

std::string user_directory(const settings::Environment& environment) {
  const auto xdg = settings::variable(environment, "XDG_CONFIG_HOME");
  return xdg.empty() ? settings::variable(environment, "HOME") + "/.config" : xdg;
}

// Where a configuration is usually found, the first one counts.
std::vector<std::string> usual_files(const settings::Environment& environment, bool patroni_name) {
  const auto directory = user_directory(environment);
  std::vector<std::string> files;
  if (!patroni_name) files = {directory + "/matriarch/matriarch.yaml", "/etc/matriarch/matriarch.yaml"};
  files.push_back(directory + "/patroni/patronictl.yaml");
  return files;
}

// What was named must be there; what is merely usual may be missing.
std::string find_file(const GlobalOptions& options, const settings::Environment& environment, bool patroni_name) {
  std::string named = options.config_file.value_or("");
  if (named.empty() && !patroni_name) named = settings::variable(environment, "MATRIARCH_CONFIG_FILE");
  if (named.empty()) named = settings::variable(environment, "PATRONICTL_CONFIG_FILE");
  const std::string usual = user_directory(environment) + "/patroni/patronictl.yaml";
  if (!named.empty() && named != usual) {
    if (is_readable(named)) return named;
    const auto why = patroni_name ? std::string() : ": " + settings::why_unreadable(named).value_or("it does not exist");
    throw Failure{fmt::format("Provided config file {} not existing or no read rights. Check the -c/--config-file parameter{}", named, why)};
  }
  const auto files = usual_files(environment, patroni_name);
  const auto found = std::find_if(files.begin(), files.end(), is_readable);
  return found == files.end() ? std::string() : *found;
}

// Patroni's words first: scripts may look for them.
std::string where_it_was_looked_for(const settings::Environment& environment, bool patroni_name) {
  return fmt::format(" Name a file with -c FILE{}; looked at {} and PATRONI_* variables", patroni_name ? "" : " or MATRIARCH_CONFIG_FILE",
                     fmt::join(usual_files(environment, patroni_name), ", "));
}

std::string all_errors(const settings::Complaints& complaints) {
  std::string text;
  for (const auto& complaint : complaints) {
    if (complaint.severity != settings::Severity::kError) continue;
    std::string line = settings::to_text(complaint);
    if (line.starts_with("error: ")) line.erase(0, 7);
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

}  // namespace

model::Settings load_configuration(const GlobalOptions& options, const settings::Environment& environment, bool patroni_name) {
  std::optional<std::string> dcs_url = options.dcs_url;
  if (const auto given = settings::variable(environment, "DCS_URL"); !dcs_url && !given.empty()) dcs_url = given;
  const std::string file = find_file(options, environment, patroni_name);
  auto loaded = settings::load({file, environment});
  if (!loaded.usable()) {
    const bool is_nothing = file.empty() && loaded.complaints.back().wrong == "Config is empty.";
    throw Failure{all_errors(loaded.complaints) + (is_nothing ? where_it_was_looked_for(environment, patroni_name) : "")};
  }
  if (dcs_url) {
    const auto url = parse_dcs_url(*dcs_url);
    if (!url) throw Failure{url.error()};
    apply_dcs_url(*url, loaded.raw);
  }
  const bool has_store = std::any_of(kStores.begin(), kStores.end(), [&](const char* name) { return loaded.raw.contains(name); });
  if (!has_store) {
    throw Failure{fmt::format("Can not find suitable configuration of distributed configuration store\nAvailable implementations: {}", fmt::join(kStores, ", "))};
  }
  auto effective = settings::make_settings(loaded, {}, {.purpose = settings::Purpose::kControl});
  if (!effective.usable()) throw Failure{all_errors(effective.complaints)};
  return std::move(effective.settings);
}

}  // namespace matriarch::ctl
