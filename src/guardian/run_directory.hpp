// Where agent, store and guardian of one node meet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "guardian/page.hpp"

namespace matriarch::guardian {

std::string control_path(std::string_view run_directory);

// Where the page may be, best first. It must be in memory: a write to a mapped file on a disk waits when that disk stalls,
// and then neither lease nor fence would be punctual. So: in the run directory if that is a tmpfs, else in /dev/shm, named
// by user and run directory; on the disk only where there is no memory to be had.
std::vector<std::string> page_paths(std::string_view run_directory);

// Page::open_as_guardian and Page::open, of the first place that can be used.
system::SystemResult<Page> make_page(std::string_view run_directory);
system::SystemResult<Page> open_page(std::string_view run_directory);

}  // namespace matriarch::guardian
