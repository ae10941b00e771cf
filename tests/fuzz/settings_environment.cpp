// Any value in any variable: a tree or complaints, never a crash. Lines of NAME=VALUE.
#include <cstdlib>

#include "settings/effective.hpp"
#include "settings/environment.hpp"

namespace settings = matriarch::settings;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto variables = settings::known_variables();
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  settings::Environment environment;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    // The first byte picks one of the known variables, so that the fuzzer need not spell them.
    if (line.empty()) continue;
    const auto& variable = variables[static_cast<unsigned char>(line[0]) * 7u % variables.size()];
    environment[variable.name] = std::string(line.substr(1));
  }
  const settings::Loaded loaded = settings::load({.environment = environment});
  if (loaded.usable()) (void)settings::make_settings(loaded);
  return 0;
}
