#include "postgres/temporary_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>

#include "system/fd.hpp"

namespace matriarch::postgres {

model::Result<std::shared_ptr<TemporaryFile>, std::string> TemporaryFile::create(const std::string& content) {
  const char* directory = ::getenv("TMPDIR");
  std::string path = std::string(directory != nullptr && *directory != '\0' ? directory : "/tmp") + "/matriarch.XXXXXX";
  const system::Fd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return tl::unexpected("could not create " + path + ": " + std::strerror(errno));
  auto file = std::make_shared<TemporaryFile>(path);
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t written = ::write(fd.get(), content.data() + done, content.size() - done);
    if (written < 0 && errno != EINTR) return tl::unexpected("could not write " + path + ": " + std::strerror(errno));
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  return file;
}

TemporaryFile::~TemporaryFile() {
  ::unlink(path_.c_str());
}

}  // namespace matriarch::postgres
