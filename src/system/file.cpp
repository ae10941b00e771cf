#include "system/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "system/fd.hpp"

namespace matriarch::system {
namespace {

constexpr std::size_t kPiece = 64u << 10;

std::string directory_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

SystemResult<void> write_all(const Fd& fd, std::string_view content, const std::string& name) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno != EINTR) return failed("write", name);
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

SystemResult<void> write_durably(const std::string& path, std::string_view content, mode_t mode) {
  // O_EXCL after unlink: whatever stood there, a link included, is neither followed nor kept with its permissions.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path);
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd) return failed("create", path);
  if (::fchmod(fd.get(), mode) != 0) return failed("set the mode of", path);  // the umask may have narrowed it
  if (auto written = write_all(fd, content, path); !written) return written;
  if (::fsync(fd.get()) != 0) return failed("sync", path);
  return {};
}

}  // namespace

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

SystemResult<std::string> read_file(const std::string& path, std::size_t max) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed("open", path);
  std::string content;
  while (true) {
    const std::size_t have = content.size();
    content.resize(have + std::min(kPiece, max - have + 1));  // one byte over `max` tells that there is more
    const ssize_t size = ::read(fd.get(), content.data() + have, content.size() - have);
    if (size < 0 && errno != EINTR) return failed("read", path);
    content.resize(have + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    if (size == 0) return content;
    if (content.size() > max) return failed_with(EFBIG, "read " + path);
  }
}

SystemResult<void> write_atomically(const std::string& path, std::string_view content, mode_t mode) {
  const std::string temporary = path + ".tmp";
  auto done = write_durably(temporary, content, mode);
  if (done) done = rename_durably(temporary, path);
  if (!done) ::unlink(temporary.c_str());
  return done;
}

SystemResult<void> rename_durably(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename " + from + " to", to);
  const std::string source = directory_of(from);
  const std::string target = directory_of(to);
  auto synced = sync_path(target);
  if (synced && source != target) synced = sync_path(source);
  return synced;
}

SystemResult<void> sync_path(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed("open", path);
  if (::fsync(fd.get()) != 0) return failed("sync", path);
  return {};
}

SystemResult<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return failed_with(error.value(), "remove " + path);
  return {};
}

SystemResult<std::uint64_t> free_space(const std::string& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0) return failed("read the free space of", path);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

}  // namespace matriarch::system
