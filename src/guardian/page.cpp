#include "guardian/page.hpp"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "system/file.hpp"

namespace matriarch::guardian {
namespace {

constexpr std::array<char, 8> kMagic = {'M', 'A', 'T', 'R', 'P', 'A', 'G', 'E'};
constexpr std::size_t kBootIdSize = 36;

struct Header {
  std::array<char, 8> magic{};
  std::uint32_t version = 0;
  std::uint32_t size = 0;
  std::array<char, 40> boot_id{};
  bool operator==(const Header&) const = default;
};

// The three cells on cache lines of their own, far enough apart for each to grow within this version of the page.
struct Layout {
  Header header;
  alignas(512) Cell<Lease> lease;
  alignas(512) Cell<Posture> posture;
  alignas(1024) Cell<Acknowledgement> acknowledgement;
};
static_assert(sizeof(Layout) <= Page::kSize);
static_assert(sizeof(Cell<Lease>) <= 512 && sizeof(Cell<Posture>) <= 512 && sizeof(Cell<Acknowledgement>) <= 1024);

Layout& layout_of(const system::SharedMapping& mapping) noexcept {
  return *std::launder(static_cast<Layout*>(mapping.data()));
}

system::SystemResult<Header> header_of_this_boot() {
  const auto text = system::read_file("/proc/sys/kernel/random/boot_id", 4096);
  if (!text) return tl::unexpected(text.error());
  Header header{.magic = kMagic, .version = Page::kVersion, .size = Page::kSize};
  std::memcpy(header.boot_id.data(), text->data(), std::min(text->size(), kBootIdSize));
  return header;
}

// The page decides over life and death of our processes: it must be ours, and of nobody else's making.
system::SystemResult<void> require_private(const system::Fd& fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return system::failed("examine", path);
  if (!S_ISREG(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return system::failed_with(EPERM, "use " + path + ", which is not a file that only we may write");
  }
  return {};
}

}  // namespace

std::string_view Posture::member_name() const {
  return {member.data(), static_cast<std::size_t>(std::find(member.begin(), member.end(), '\0') - member.begin())};
}

void set_member(Posture& posture, std::string_view name) noexcept {
  posture.member.fill('\0');
  std::copy_n(name.begin(), std::min(name.size(), posture.member.size() - 1), posture.member.begin());
}

Duration lost_time(const Lease& lease, Duration wall_offset_now) noexcept {
  std::int64_t jump = 0;
  if (__builtin_sub_overflow(wall_offset_now.count(), lease.wall_offset, &jump)) return Duration::max();
  return Duration(jump) > kWallJumpMargin ? Duration(jump) : Duration::zero();
}

Instant lease_end(const Lease& lease, Duration max_ttl, Instant now, Duration wall_offset_now) noexcept {
  const std::int64_t latest = (now + kReadingSlack).time_since_epoch().count();
  if (lease.written_at <= 0 || lease.written_at > latest || max_ttl <= Duration::zero()) return Instant{};
  // All sums are checked: the page's content is anybody's bytes until proven otherwise.
  std::int64_t ceiling = 0;
  if (__builtin_add_overflow(lease.written_at, max_ttl.count(), &ceiling)) return Instant{};
  std::int64_t end = 0;
  const std::int64_t lost = lost_time(lease, wall_offset_now).count();
  if (__builtin_sub_overflow(std::min(lease.valid_until, ceiling), lost, &end)) return Instant{};
  return Instant(Duration(std::max<std::int64_t>(end, 0)));
}

std::string_view name(FenceReason reason) {
  switch (reason) {
    case FenceReason::kNone:
      return "none";
    case FenceReason::kLeaseEnded:
      return "the lease ended";
    case FenceReason::kNoLease:
      return "a primary without a lease";
    case FenceReason::kPageGarbage:
      return "the page cannot be read";
    case FenceReason::kPostmasterDied:
      return "the postmaster died before its backends";
    case FenceReason::kStopLimit:
      return "stopping took too long";
    case FenceReason::kAgentGone:
      return "the agent ended before PostgreSQL was stopped";
    case FenceReason::kAsked:
      return "asked by the agent";
  }
  return "unknown";  // read from a page that a later version wrote
}

system::SystemResult<Page> Page::map(system::Fd fd) {
  auto mapping = system::map_shared(fd, kSize);
  if (!mapping) return tl::unexpected(mapping.error());
  return Page(std::move(fd), std::move(*mapping), false);
}

system::SystemResult<Page> Page::open_as_guardian(const std::string& path) {
  auto fd = system::open_shared_file(path, kSize);
  if (!fd) return tl::unexpected(fd.error());
  if (auto checked = require_private(*fd, path); !checked) return tl::unexpected(checked.error());
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) return system::failed("lock", path);
  return take_over(std::move(*fd));
}

system::SystemResult<Page> Page::take_over(system::Fd fd) {
  const auto expected = header_of_this_boot();
  if (!expected) return tl::unexpected(expected.error());
  auto page = map(std::move(fd));
  if (!page) return page;
  Layout& layout = layout_of(page->mapping_);
  page->was_kept_ = layout.header == *expected;
  if (!page->was_kept_) {
    std::memset(page->mapping_.data(), 0, kSize);  // all zeros is an empty Cell
    layout.header = *expected;
  }
  return page;
}

system::SystemResult<Page> Page::open(const std::string& path) {
  system::Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return system::failed("open", path);
  if (auto checked = require_private(fd, path); !checked) return tl::unexpected(checked.error());
  const auto expected = header_of_this_boot();
  if (!expected) return tl::unexpected(expected.error());
  auto page = map(std::move(fd));
  if (!page) return page;
  if (layout_of(page->mapping_).header != *expected) {
    return system::failed_with(ENODATA, "use " + path + ", which is no page of this boot and version");
  }
  return page;
}

system::SystemResult<Page> Page::anonymous() {
  system::Fd fd(static_cast<int>(::memfd_create("matriarch page", MFD_CLOEXEC)));
  if (!fd) return system::failed("create a page in memory");
  if (::ftruncate(fd.get(), kSize) != 0) return system::failed("size a page in memory");
  return take_over(std::move(fd));
}

// The name is asked of the kernel: a page that was inherited over an exec has none of its own.
void Page::remove() noexcept {
  std::array<char, 64> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd_.get());
  std::array<char, PATH_MAX> path{};
  const ssize_t size = ::readlink(link.data(), path.data(), path.size() - 1);
  if (size > 0) ::unlink(path.data());  // a page in memory has no file of that name: nothing happens
}

Cell<Lease>& Page::lease() const noexcept {
  return layout_of(mapping_).lease;
}
Cell<Posture>& Page::posture() const noexcept {
  return layout_of(mapping_).posture;
}
Cell<Acknowledgement>& Page::acknowledgement() const noexcept {
  return layout_of(mapping_).acknowledgement;
}

}  // namespace matriarch::guardian
