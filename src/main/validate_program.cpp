// `matriarch --validate-config`: every complaint at once.
#include <cstdio>

#include "main/configuration.hpp"
#include "main/programs.hpp"
#include "main/this_machine.hpp"
#include "settings/local.hpp"
#include "settings/validate.hpp"
#include "settings/yaml.hpp"

namespace matriarch::main {
namespace {

// As it was read, with the one key that Patroni adds.
void print_configuration(boost::json::object tree) {
  auto* postgresql = tree.if_contains("postgresql");
  if (postgresql != nullptr && postgresql->is_object()) postgresql->get_object().insert(std::pair("bin_dir", ""));
  std::fputs(settings::to_yaml(tree).c_str(), stdout);
}

}  // namespace

int validate_configuration(const std::string& file, bool ignore_listen_port, bool prints) {
  const auto environment = process_environment();
  if (const auto why = why_unusable(file, environment)) {
    std::fprintf(stderr, "%s\n", why->c_str());
    return 1;
  }
  const auto loaded = settings::load({.path = file, .environment = environment});
  settings::Complaints complaints = loaded.complaints;
  if (loaded.usable()) {
    const settings::Probes probes{.accepts_connections = accepts_connections, .postgres_major_version = postgres_major_version};
    for (auto& complaint : settings::validate(loaded.raw, probes, {.ignore_listen_port = ignore_listen_port})) complaints.push_back(std::move(complaint));
  }
  if (loaded.usable() && settings::is_witness(loaded.raw)) std::printf("there is no section postgresql: checked as a witness (matriarch witness FILE)\n");
  for (const auto& complaint : complaints) {
    const std::string right = complaint.right.empty() ? "" : "; " + complaint.right;
    std::fprintf(stderr, "%s%s\n", settings::to_validation_line(complaint).c_str(), right.c_str());
  }
  if (settings::has_errors(complaints)) return 1;
  if (prints) print_configuration(loaded.raw);
  return 0;
}

}  // namespace matriarch::main
