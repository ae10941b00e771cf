// The checks of `--validate-config` that look at files: the data directory and PostgreSQL's programs.
#pragma once

#include "settings/schema_checks.hpp"

namespace matriarch::settings {

Check data_directory();
Check program_directory();
Check program_name();  // the last part of the path is the program: postgresql.bin_name.pg_ctl

}  // namespace matriarch::settings
