#include "settings/file_checks.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace matriarch::settings {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::array kPrograms{"pg_ctl", "initdb", "pg_controldata", "pg_basebackup", "postgres", "pg_isready"};

const json::value* at_path(const json::object& root, std::initializer_list<const char*> path) {
  const json::object* object = &root;
  const json::value* value = nullptr;
  for (const char* key : path) {
    value = object->if_contains(key);
    if (value == nullptr) return nullptr;
    if (value->is_object()) object = &value->get_object();
  }
  return value;
}

std::string text_at(const json::object& root, std::initializer_list<const char*> path, std::string fallback = {}) {
  const json::value* value = at_path(root, path);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::move(fallback);
}

std::string program_of(const json::object& root, const char* name) { return text_at(root, {"postgresql", "bin_name", name}, name); }

bool is_executable(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

// In the directory, or in PATH when it is empty.
bool is_found(const std::string& directory, const std::string& program) {
  if (!directory.empty()) return is_executable(fs::path(directory) / program);
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    if (is_executable(fs::path(rest.substr(0, colon)) / program)) return true;
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return false;
}

std::string not_found(const std::string& directory, const std::string& program) {
  return fmt::format("does not contain '{}' in '{}'", program, directory.empty() ? "$PATH" : directory);
}

bool is_empty_directory(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path / "global" / "pg_control", error)) return false;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && name != "lost+found") return false;
  }
  return true;
}

std::string first_line(const fs::path& path) {
  std::ifstream stream(path);
  std::string line;
  std::getline(stream, line);
  return line;
}

// What is wrong with it, or nothing.
std::string problem_of_data_directory(const CheckContext& context, const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  if (!fs::is_directory(path, error)) return "is not a directory";
  if (is_empty_directory(path)) return {};
  if (!fs::exists(path / "PG_VERSION", error)) return "doesn't look like a valid data directory";
  if (!fs::is_directory(path / "pg_wal", error)) return "data dir for the cluster is not empty, but doesn't contain \"pg_wal\" directory";
  if (!context.probes.postgres_major_version) return {};
  const std::string of_data = first_line(path / "PG_VERSION");
  const auto of_program = context.probes.postgres_major_version(text_at(context.root, {"postgresql", "bin_dir"}), program_of(context.root, "postgres"));
  if (!of_program || *of_program == of_data) return {};
  return fmt::format("data_dir directory postgresql version ({}) doesn't match with 'postgres --version' output ({})", of_data, *of_program);
}

}  // namespace

Check data_directory() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_string()) return context.fail(path, value, "is not a string");
    if (value.get_string().empty()) return context.fail_validation(path, value, "is an empty string");
    if (!context.rules.check_files) return;
    const std::string problem = problem_of_data_directory(context, fs::path(std::string(value.get_string())));
    if (!problem.empty()) context.fail_validation(path, value, problem);
  };
}

Check program_directory() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_string()) return context.fail(path, value, "is not a string");
    if (!context.rules.check_files) return;
    const std::string directory(value.get_string());
    std::error_code error;
    if (!directory.empty() && !fs::exists(directory, error)) {
      return context.fail(path, value, fmt::format("Directory '{}' does not exist.", directory));
    }
    if (!directory.empty() && !fs::is_directory(directory, error)) {
      return context.fail(path, value, fmt::format("'{}' is not a directory.", directory));
    }
    for (const char* name : kPrograms) {
      const std::string program = program_of(context.root, name);
      if (!is_found(directory, program)) context.fail(path, value, not_found(directory, program));
    }
  };
}

Check program_name() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_string()) return context.fail(path, value, "is not a string");
    if (value.get_string().empty()) return context.fail(path, value, "is an empty string");
    const std::string directory = text_at(context.root, {"postgresql", "bin_dir"});
    const std::string program(value.get_string());
    if (context.rules.check_files && !is_found(directory, program)) context.fail(path, value, not_found(directory, program));
  };
}

}  // namespace matriarch::settings
