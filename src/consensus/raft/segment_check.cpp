#include "consensus/raft/segment_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/crc.hpp>
#include <boost/endian/conversion.hpp>
#include <filesystem>
#include <optional>

#include "system/file.hpp"

namespace matriarch::consensus::raft {
namespace {

// libraft's format 1 (its docs/disk-format.rst): u64 format; then batches: u32 CRC of the header, u32 CRC of the data;
// header: u64 number of entries, and for each u64 term, u8 type, 3 bytes nothing, u32 size; data: the entries.
constexpr std::size_t kWord = 8;
constexpr std::size_t kEntryHeader = 16;
constexpr std::size_t kMostEntries = 1u << 20;
constexpr std::size_t kMaxSegment = 64u << 20;

std::uint32_t read32(std::string_view bytes, std::size_t at) {
  return boost::endian::load_little_u32(reinterpret_cast<const unsigned char*>(bytes.data() + at));
}
std::uint64_t read64(std::string_view bytes, std::size_t at) {
  return boost::endian::load_little_u64(reinterpret_cast<const unsigned char*>(bytes.data() + at));
}

std::uint32_t checksum(std::string_view bytes) {
  boost::crc_optimal<32, 0x04C11DB7, 0, 0, false, false> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

// Where the sound batch that begins there ends; nothing when there is none.
std::optional<std::size_t> end_of_batch(std::string_view content, std::size_t at) {
  if (content.size() - at < 2 * kWord) return std::nullopt;
  const auto count = read64(content, at + kWord);
  if (count == 0 || count > kMostEntries) return std::nullopt;
  const std::size_t header = kWord + kEntryHeader * count;
  if (content.size() - at - kWord < header) return std::nullopt;
  if (read32(content, at) != checksum(content.substr(at + kWord, header))) return std::nullopt;
  std::size_t data = 0;
  for (std::size_t i = 0; i < count; ++i) data += read32(content, at + 2 * kWord + kEntryHeader * i + 12);
  const std::size_t begin = at + kWord + header;
  if (content.size() - begin < data) return std::nullopt;
  if (read32(content, at + 4) != checksum(content.substr(begin, data))) return std::nullopt;
  return begin + data;
}

}  // namespace

bool is_segment_damaged(std::string_view content) {
  std::size_t at = kWord;
  while (at < content.size()) {
    const auto end = end_of_batch(content, at);
    if (!end) break;
    at = *end;
  }
  for (at += kWord; at < content.size(); at += kWord) {
    if (end_of_batch(content, at)) return true;
  }
  return false;
}

tl::expected<void, std::string> check_open_segments(const std::string& directory) {
  std::error_code failed;
  for (std::filesystem::directory_iterator entry(directory, failed), end; !failed && entry != end; entry.increment(failed)) {
    const auto& path = entry->path();
    if (!path.filename().string().starts_with("open-")) continue;
    const auto content = system::read_file(path, kMaxSegment);
    if (!content) return tl::unexpected(content.error().message());
    if (is_segment_damaged(*content)) {
      return tl::unexpected(fmt::format("{} is damaged in the middle", path.filename().string()));
    }
  }
  if (failed) return tl::unexpected(fmt::format("{}: {}", directory, failed.message()));
  return {};
}

}  // namespace matriarch::consensus::raft
