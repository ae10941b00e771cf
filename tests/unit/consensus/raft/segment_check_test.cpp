#include "consensus/raft/segment_check.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <boost/crc.hpp>
#include <filesystem>
#include <fstream>

namespace matriarch::consensus::raft {
namespace {

std::string number(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}
std::uint32_t checksum(const std::string& bytes) {
  boost::crc_optimal<32, 0x04C11DB7, 0, 0, false, false> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}
// One entry a batch, as libraft writes it.
std::string batch(const std::string& data) {
  const auto header = number(1, 8) + number(3, 8) + number(1, 4) + number(data.size(), 4);
  return number(checksum(header), 4) + number(checksum(data), 4) + header + data;
}
const std::string kFormat = number(1, 8);
const std::string kRest(512, '\0');  // of a file that is longer than what is written yet
const std::string kOne = batch("the first entry.");
const std::string kTwo = batch("the second entry");
const std::string kThree = batch("the last entry..");

std::string with_damage(std::string text, std::size_t at) {
  text[at] = static_cast<char>(text[at] ^ 0x40);
  return text;
}

TEST(SegmentCheck, ASoundLogAndOneCutShortAreNotDamaged) {
  EXPECT_FALSE(is_segment_damaged(""));
  EXPECT_FALSE(is_segment_damaged(kFormat + kRest));
  EXPECT_FALSE(is_segment_damaged(kFormat + kOne + kTwo + kThree + kRest));
  EXPECT_FALSE(is_segment_damaged(kFormat + kOne + kTwo + kThree));
  // The write of the last batch was cut short, at any byte, or reached the disk in parts.
  for (std::size_t cut = 0; cut < kThree.size(); ++cut) {
    EXPECT_FALSE(is_segment_damaged(kFormat + kOne + kTwo + kThree.substr(0, cut) + kRest)) << cut;
    EXPECT_FALSE(is_segment_damaged(kFormat + kOne + kTwo + with_damage(kThree, cut) + kRest)) << cut;
  }
}

TEST(SegmentCheck, DamageBeforeASoundBatchIsFoundAtEveryByte) {
  for (std::size_t at = 0; at < kOne.size() + kTwo.size(); ++at) {
    EXPECT_TRUE(is_segment_damaged(kFormat + with_damage(kOne + kTwo, at) + kThree + kRest)) << at;
  }
}

TEST(SegmentCheck, TheFileIsNamed) {
  std::string directory = (std::filesystem::temp_directory_path() / "segment-check-XXXXXX").string();
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  std::ofstream(directory + "/open-1") << kFormat + kOne + kRest;
  std::ofstream(directory + "/metadata1") << "whatever";
  EXPECT_TRUE(check_open_segments(directory));
  std::ofstream(directory + "/open-2") << kFormat + with_damage(kOne, 30) + kTwo + kRest;
  const auto checked = check_open_segments(directory);
  ASSERT_FALSE(checked);
  EXPECT_THAT(checked.error(), testing::HasSubstr("open-2"));
  std::filesystem::remove_all(directory);
  EXPECT_FALSE(check_open_segments(directory));
}

}  // namespace
}  // namespace matriarch::consensus::raft
