// The data directory as a thing on disk: what is in it, how it goes away. Blocking: for the file threads only.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/cluster.hpp"
#include "model/names.hpp"
#include "model/postgres.hpp"

namespace matriarch::postgres {

using FileResult = model::Result<void, std::string>;

struct DirectoryLook {
  model::DataDirectory state = model::DataDirectory::kEmpty;
  std::string error;                  // why it is inaccessible
  std::string real_path;              // links resolved; as configured while it does not exist
  int major_version = 0;              // PG_VERSION; 0: unknown
  bool has_recovery_signal = false;   // standby.signal or recovery.signal
  bool has_standby_signal = false;
  bool has_backup_label = false;
};
// Empty: no global/pg_control, and nothing but names that begin with a dot, and lost+found.
DirectoryLook look_at(const std::string& data_directory);

// Modes follow those of the data directory: group access there is group access for the files.
mode_t file_mode_in(const std::string& data_directory);

// With the targets of its links: WAL and tablespaces. A link to the data directory is removed, not its target; of a
// mount point only the content goes. What does not exist is no error.
FileResult remove_data(const std::string& data_directory);
// DATA, its WAL and its tablespaces become DATA.failed and so on; what stood there under that name is removed first.
FileResult rename_data(const std::string& data_directory, const std::string& suffix);
bool has_tablespaces_or_linked_wal(const std::string& data_directory);
bool is_mount_point(const std::string& path);

// A rewind that began and did not end leaves blocks of two histories behind, and no file inside tells: pg_rewind removes what
// its source lacks. The directory is marked from before pg_rewind runs until it has succeeded (or changed nothing): by an
// extended attribute of the directory, or, where the file system has none, by a file DATA.rewinding beside it that names its
// inode, so that it says nothing of another directory that took its place.
FileResult mark_rewinding(const std::string& data_directory);
FileResult unmark_rewinding(const std::string& data_directory);
bool is_half_rewound(const std::string& data_directory);

// standby.signal there, recovery.signal not; or none of them.
FileResult make_standby_signal(const std::string& data_directory);
FileResult make_recovery_signal(const std::string& data_directory);
FileResult remove_signal_files(const std::string& data_directory);
bool create_promote_file(const std::string& data_directory);

model::HistoryFile read_history_file(const std::string& data_directory, model::Timeline timeline);

}  // namespace matriarch::postgres
