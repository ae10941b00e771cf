// Files: read within a bound, replace so that a crash leaves the old or the new, make durable.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "system/error.hpp"

namespace matriarch::system {

bool exists(const std::string& path);  // links are followed

// The whole content; EFBIG when it is longer than `max`. Works on /proc and on pipes, which tell no size.
SystemResult<std::string> read_file(const std::string& path, std::size_t max);

// After success the file holds exactly `content` and survives a power cut; after failure, or a crash at any moment, it
// is as it was (a file of the same name with ".tmp" behind it may be left; the next write replaces it). A symbolic
// link at `path` is replaced, not followed. One writer at a time.
SystemResult<void> write_atomically(const std::string& path, std::string_view content, mode_t mode = 0600);

// Both durable and atomic; the two must be on one file system. The directories are synced too.
SystemResult<void> rename_durably(const std::string& from, const std::string& to);

// File or directory: its content (for a directory: the names in it) is on the disk after success.
SystemResult<void> sync_path(const std::string& path);

// The file, or the directory with all below it; symbolic links are removed, never followed. What does not exist is
// no error. Not atomic: a failure leaves a part.
SystemResult<void> remove_tree(const std::string& path);

// Bytes that an unprivileged process can still write to the file system of `path`.
SystemResult<std::uint64_t> free_space(const std::string& path);

}  // namespace matriarch::system
