#include "settings/dynamic_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

#include "model/json_text.hpp"
#include "settings/timing.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostCacheBytes = 2u << 20;

std::string path_in(const std::string& data_dir) { return fmt::format("{}/{}", data_dir, kDynamicCacheName); }

Complaint problem(const std::string& path, std::string_view what, int error) {
  return {.severity = Severity::kWarning, .wrong = fmt::format("cannot be {}: {}", what, std::strerror(error)), .where = path};
}

// A document that says nothing about a time does not begin to say it, unless the time had to be adjusted.
void put_time(json::object& document, std::string_view key, model::Milliseconds time) {
  const json::value* value = document.if_contains(key);
  if (value != nullptr) document[key] = in_seconds(time);
}

class File {
 public:
  File(const std::string& path, int flags, mode_t mode = 0) : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  bool write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(fd_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

 private:
  int fd_;
};

// Zero, or the error number of the step that failed.
int write_durably(const std::string& path, std::string_view content, mode_t mode) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (!file.is_open()) return errno;
  if (!file.write(content) || ::fchmod(file.fd(), mode) != 0 || ::fsync(file.fd()) != 0) return errno;
  return 0;
}

int sync_directory(const std::string& path) {
  const File directory(path, O_RDONLY | O_DIRECTORY);
  if (!directory.is_open()) return errno;
  return ::fsync(directory.fd()) == 0 ? 0 : errno;
}

}  // namespace

std::string cache_content(const model::DynamicSettings& accepted) {
  json::object document = accepted.document;
  put_time(document, "ttl", accepted.timing.ttl);
  put_time(document, "loop_wait", accepted.timing.loop_wait);
  put_time(document, "retry_timeout", accepted.timing.retry_timeout);
  return model::write_json(document);
}

tl::expected<json::object, Complaint> parse_cache(std::string_view content) {
  auto value = model::read_json(content, kMostCacheBytes);
  if (!value || !value->is_object()) {
    return tl::unexpected(Complaint{.severity = Severity::kWarning,
                                    .wrong = "does not hold a JSON object and is ignored",
                                    .where = std::string(kDynamicCacheName)});
  }
  return std::move(value->get_object());
}

tl::expected<std::optional<json::object>, Complaint> read_cache(const std::string& data_dir) {
  const std::string path = path_in(data_dir);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return tl::unexpected(problem(path, "read", errno));
  std::string text(kMostCacheBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return tl::unexpected(problem(path, "read", errno));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  auto document = parse_cache(text);
  if (!document) {
    document.error().where = path;
    return tl::unexpected(document.error());
  }
  return std::move(*document);
}

tl::expected<void, Complaint> write_cache(const std::string& data_dir, const model::DynamicSettings& accepted, unsigned mode) {
  const std::string path = path_in(data_dir);
  const std::string temporary = fmt::format("{}.{}", path, ::getpid());
  int error = write_durably(temporary, cache_content(accepted), static_cast<mode_t>(mode));
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return tl::unexpected(problem(path, "written", error));
  }
  if (const int failed = sync_directory(data_dir); failed != 0) return tl::unexpected(problem(path, "made durable", failed));
  return {};
}

}  // namespace matriarch::settings
