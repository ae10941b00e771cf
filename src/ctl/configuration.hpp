// Which configuration a command uses, and what it says (docs/ctl.md, "Configuration").
#pragma once

#include <optional>
#include <string>

#include "model/settings.hpp"
#include "settings/local.hpp"

namespace matriarch::ctl {

struct GlobalOptions {
  std::optional<std::string> config_file, dcs_url;
  bool insecure = false;
};

// Throws Failure: the file is not readable, the content is wrong, or no store is configured.
model::Settings load_configuration(const GlobalOptions& options, const settings::Environment& environment, bool patroni_name);

}  // namespace matriarch::ctl
