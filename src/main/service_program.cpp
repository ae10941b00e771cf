// `matriarch FILE`: judges the settings while a person is looking, then becomes the guardian.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "guardian/job.hpp"
#include "main/configuration.hpp"
#include "main/preflight.hpp"
#include "main/programs.hpp"
#include "system/memory.hpp"

namespace matriarch::main {
namespace {

int complain(const std::string& text) {
  std::fprintf(stderr, "matriarch: %s\n", text.c_str());
  return 1;
}

// The guardian lies beside this program, or in PATH's usual places for such things.
std::string find_guardian(const std::filesystem::path& self) {
  for (const auto& candidate : {self.parent_path() / "matriarch-guardian", std::filesystem::path("/usr/libexec/matriarch/matriarch-guardian"),
                                std::filesystem::path("/usr/lib/matriarch/matriarch-guardian")}) {
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

std::optional<std::string> missing_programs(const model::Settings& settings) {
  if (settings.postgresql.bin_dir.empty()) return std::nullopt;
  for (const char* name : {"postgres", "initdb", "pg_controldata", "pg_basebackup"}) {
    const auto renamed = settings.postgresql.bin_name.find(name);
    const auto path = std::filesystem::path(settings.postgresql.bin_dir) / (renamed == settings.postgresql.bin_name.end() ? std::string(name) : renamed->second);
    if (::access(path.c_str(), X_OK) != 0) return fmt::format("postgresql.bin_dir: {} is not there or cannot be executed", path.string());
  }
  return std::nullopt;
}

}  // namespace

int run_service(const std::string& file, bool forms_alone) {
  auto configuration = Configuration::read(file, settings::Purpose::kNode);
  if (!configuration) {
    std::fprintf(stderr, "%s\n", configuration.error().c_str());
    return 1;
  }
  for (const auto& warning : configuration->warnings()) std::fprintf(stderr, "%s\n", warning.c_str());
  const auto& settings = *configuration->settings();
  if (::geteuid() == 0) return complain("PostgreSQL refuses to run as root; start this as the user that owns the data directory");
  if (auto missing = missing_programs(settings)) return complain(*missing);
  auto directory = make_run_directory(settings);
  if (!directory) return complain(directory.error());
  if (auto running = already_running(settings, *directory)) return complain(*running);
  if (auto taken = ports_in_use(settings, *directory)) return complain(*taken);
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::string guardian = find_guardian(self);
  if (guardian.empty()) return complain("matriarch-guardian was not found beside " + self.string());

  const bool reads_file = !file.empty() && std::filesystem::exists(file, failed);
  const std::string path = reads_file ? std::filesystem::absolute(file, failed).string() : kEnvironment;
  guardian::Job job{.run_directory = *directory, .data_directory = settings.postgresql.data_dir, .program = guardian};
  job.agent = {self.string(), "agent", path, *directory};
  if (settings.uses_embedded_store()) job.store = {self.string(), "store", path, *directory};
  else if (forms_alone) return complain("--form-new-cluster is for the embedded store, but this configuration names another one");
  if (forms_alone) job.store.push_back("--form-new-cluster");
  auto text = system::make_sealed_memfd("job", guardian::serialize(job), true);
  if (!text) return complain(text.error().message());
  const std::string fd = std::to_string(text->get());
  std::string program = guardian, option = "--job", number = fd;
  char* const arguments[] = {program.data(), option.data(), number.data(), nullptr};
  ::execv(guardian.c_str(), arguments);
  return complain(fmt::format("{}: {}", guardian, std::generic_category().message(errno)));
}

}  // namespace matriarch::main
