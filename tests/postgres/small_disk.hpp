// A file system of a few megabytes, seen by this program and its children alone.
#pragma once

#include <string>

namespace matriarch::postgres::real {

// Called first in main(), while there may still be privileges; exits with a message when the kernel does not let us.
void mount_small_disk();
const std::string& small_disk();

}  // namespace matriarch::postgres::real
