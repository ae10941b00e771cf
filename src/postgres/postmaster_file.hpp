// The files by which a postmaster tells about itself: postmaster.pid and postmaster.opts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace matriarch::postgres {

// Line 8: how far the postmaster is.
enum class PostmasterStatus { kUnknown, kStarting, kReady, kStandby /* up, hot_standby off */, kStopping };

struct PostmasterFile {
  pid_t pid = 0;
  bool single_user = false;      // the pid was negative: a single-user backend
  std::int64_t start_time = 0;   // seconds since 1970; 0: not told
  std::uint16_t port = 0;        // 0: not told yet
  std::string socket_directory;  // empty: no Unix socket
  std::string listen_address;    // "*", an address or a name; empty: no TCP
  PostmasterStatus status = PostmasterStatus::kUnknown;
  bool operator==(const PostmasterFile&) const = default;
};

// The file grows while the server starts: later lines may be missing. Nothing when the first line is not a pid.
std::optional<PostmasterFile> parse_postmaster_file(std::string_view content);

// The "--name=value" options of postmaster.opts (one line: the program, then quoted arguments), as (name, value).
std::vector<std::pair<std::string, std::string>> parse_postmaster_options(std::string_view content);

}  // namespace matriarch::postgres
