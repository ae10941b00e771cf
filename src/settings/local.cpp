#include "settings/local.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "model/json_merge.hpp"
#include "settings/environment.hpp"
#include "settings/values.hpp"
#include "settings/yaml.hpp"

namespace matriarch::settings {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::uintmax_t kMostFileBytes = 1 << 20;

Complaint problem(const std::string& where, std::string wrong) { return {.wrong = std::move(wrong), .where = where}; }

// Reads at most one byte more than allowed, so that a device or a pipe cannot fill the memory.
tl::expected<std::string, Complaint> read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return tl::unexpected(problem(path.string(), "cannot be read: " + why_unreadable(path.string()).value_or("no answer")));
  std::string text(kMostFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return tl::unexpected(problem(path.string(), "cannot be read"));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

// Regular files of the directory named *.yml or *.yaml, in byte order.
tl::expected<std::vector<fs::path>, Complaint> files_of(const fs::path& path) {
  std::error_code error;
  if (fs::is_regular_file(path, error)) return std::vector{path};
  if (!fs::is_directory(path, error)) {
    return tl::unexpected(problem("", fmt::format("invalid config path: {} is neither directory nor file", path.string())));
  }
  std::vector<fs::path> files;
  fs::directory_iterator entry(path, error);
  if (error) return tl::unexpected(problem(path.string(), fmt::format("cannot be listed: {}", error.message())));
  for (; entry != fs::directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if ((name.ends_with(".yml") || name.ends_with(".yaml")) && entry->is_regular_file(error)) files.push_back(entry->path());
    if (error) return tl::unexpected(problem(path.string(), fmt::format("cannot be listed: {}", error.message())));
  }
  std::sort(files.begin(), files.end());
  return files;
}

class Loader {
 public:
  explicit Loader(const LocalSource& source) : source_(source) {}

  Loaded load() {
    std::error_code error;
    if (!source_.path.empty() && fs::exists(source_.path, error)) {
      load_files();
      merge_environment();
    } else {
      if (!source_.path.empty()) {
        result_.complaints.push_back({.severity = Severity::kWarning,
                                      .wrong = "does not exist; the configuration is taken from the environment",
                                      .where = source_.path});
      }
      load_without_files();
    }
    if (result_.usable() && result_.raw.empty()) result_.complaints.push_back(problem("", "Config is empty."));
    if (!result_.usable()) result_.raw.clear();
    return std::move(result_);
  }

 private:
  void load_files() {
    result_.from_files = true;
    const auto files = files_of(source_.path);
    if (!files) {
      result_.complaints.push_back(files.error());
      return;
    }
    for (const fs::path& file : *files) load_file(file);
  }

  void load_file(const fs::path& file) {
    const auto text = read_file(file);
    if (!text) {
      result_.complaints.push_back(text.error());
      return;
    }
    if (auto document = parse(*text, file.string())) {
      model::merge_patch(result_.raw, document->value.get_object(), model::NestedNulls::kKeep);
      for (const auto& [path, line] : document->lines) result_.origins[path] = fmt::format("{}:{}", file.filename().string(), line);
    }
  }

  std::optional<YamlDocument> parse(const std::string& text, const std::string& name) {
    auto document = parse_yaml(text, name);
    if (!document) {
      result_.complaints.push_back(document.error());
      return std::nullopt;
    }
    result_.complaints.insert(result_.complaints.end(), document->warnings.begin(), document->warnings.end());
    if (!document->value.is_object()) {
      result_.complaints.push_back(problem("", fmt::format("invalid config file {}: it does not contain a mapping", name)));
      return std::nullopt;
    }
    return std::move(*document);
  }

  void merge_environment() {
    FromEnvironment environment = read_environment(source_.environment, result_.raw);
    model::merge_patch(result_.raw, environment.tree, model::NestedNulls::kKeep);
    for (auto& [path, variable] : environment.origins) result_.origins[path] = fmt::format("environment variable {}", variable);
    result_.complaints.insert(result_.complaints.end(), environment.complaints.begin(), environment.complaints.end());
    result_.consumed = std::move(environment.consumed);
  }

  // PATRONI_CONFIGURATION is the whole configuration if it is there, and no other variable counts.
  void load_without_files() {
    const auto whole = source_.environment.find("PATRONI_CONFIGURATION");
    if (whole != source_.environment.end() && !whole->second.empty()) {
      constexpr const char* kName = "environment variable PATRONI_CONFIGURATION";
      if (auto document = parse(whole->second, kName)) {
        result_.raw = std::move(document->value.get_object());
        for (const auto& [path, line] : document->lines) result_.origins[path] = fmt::format("PATRONI_CONFIGURATION:{}", line);
      }
      // The others are secrets all the same.
      result_.consumed = read_environment(source_.environment, result_.raw).consumed;
    } else {
      merge_environment();
    }
  }

  const LocalSource& source_;
  Loaded result_;
};

}  // namespace

std::optional<std::string> why_unreadable(const std::string& path) {
  if (::access(path.c_str(), R_OK) == 0) return std::nullopt;
  const int error = errno;
  const passwd* user = ::getpwuid(::geteuid());
  return fmt::format("{} (user {})", std::strerror(error), user != nullptr ? std::string(user->pw_name) : std::to_string(::geteuid()));
}

Loaded load(const LocalSource& source) { return Loader(source).load(); }

std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

}  // namespace matriarch::settings
