// Memory that is shared with other processes, and memory that is never paged out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "system/error.hpp"
#include "system/fd.hpp"

namespace matriarch::system {

// A readable and writable mapping that others see too; unmapped when its owner goes.
class SharedMapping {
 public:
  SharedMapping() noexcept = default;
  ~SharedMapping();
  SharedMapping(SharedMapping&& other) noexcept
      : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  SharedMapping& operator=(SharedMapping&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(size_, other.size_);
    return *this;
  }
  SharedMapping(const SharedMapping&) = delete;
  SharedMapping& operator=(const SharedMapping&) = delete;

  void* data() const noexcept { return address_; }
  std::size_t size() const noexcept { return size_; }

 private:
  friend SystemResult<SharedMapping> map_shared(const Fd& fd, std::size_t size);
  SharedMapping(void* address, std::size_t size) noexcept : address_(address), size_(size) {}
  void* address_ = nullptr;
  std::size_t size_ = 0;
};

// Maps the first `size` bytes, present in memory at once; ENODATA when the file is shorter (touching what is not there
// would be SIGBUS).
SystemResult<SharedMapping> map_shared(const Fd& fd, std::size_t size);

// Opens or creates (0600) the file and gives it at least `size` bytes with their blocks allocated, so that no write to
// a mapping of it can fail on a full disk.
SystemResult<Fd> open_shared_file(const std::string& path, std::size_t size);

// An anonymous file of that content, which descendants may inherit by descriptor: close-on-exec unless `inheritable`.
// Positioned at its start, sealed: nobody can change it any more.
SystemResult<Fd> make_sealed_memfd(const char* name, std::string_view content, bool inheritable = false);

// Keeps all present and future memory of this process resident. Best effort: needs CAP_IPC_LOCK or RLIMIT_MEMLOCK.
SystemResult<void> lock_memory();

}  // namespace matriarch::system
