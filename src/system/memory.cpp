#include "system/memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace matriarch::system {

SharedMapping::~SharedMapping() {
  if (address_ != nullptr) ::munmap(address_, size_);
}

SystemResult<SharedMapping> map_shared(const Fd& fd, std::size_t size) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return failed("read the size of a file to map");
  if (info.st_size < static_cast<off_t>(size)) return failed_with(ENODATA, "map a file that is too short");
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd.get(), 0);
  if (address == MAP_FAILED) return failed("map a file");
  return SharedMapping(address, size);
}

SystemResult<Fd> open_shared_file(const std::string& path, std::size_t size) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return failed("open", path);
  const int code = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size));
  if (code != 0) return failed_with(code, "allocate " + path);
  return fd;
}

SystemResult<Fd> make_sealed_memfd(const char* name, std::string_view content, bool inheritable) {
  Fd fd(::memfd_create(name, MFD_ALLOW_SEALING | (inheritable ? 0u : static_cast<unsigned>(MFD_CLOEXEC))));
  if (!fd) return failed("create the memory file", name);
  if (::pwrite(fd.get(), content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) {
    return failed("fill the memory file", name);
  }
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return failed("seal the memory file", name);
  }
  return fd;
}

SystemResult<void> lock_memory() {
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) return failed("lock memory");
  return {};
}

}  // namespace matriarch::system
