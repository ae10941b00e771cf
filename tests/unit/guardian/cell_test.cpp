#include "guardian/cell.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <thread>

namespace matriarch::guardian {
namespace {

struct Pair {
  std::uint64_t number = 0;
  std::array<std::uint64_t, 7> copies{};  // each equal to `number` in every value the writer writes
};

Pair pair_of(std::uint64_t number) {
  Pair pair{.number = number};
  pair.copies.fill(number * 3);
  return pair;
}

std::unique_ptr<Cell<Pair>> empty_cell() {
  return std::make_unique<Cell<Pair>>();  // value-initialized: all zeros, as a new page is
}

void damage(Cell<Pair>& cell, std::size_t offset) {
  unsigned char byte = 0;
  auto* bytes = reinterpret_cast<unsigned char*>(&cell);
  std::memcpy(&byte, bytes + offset, 1);
  byte ^= 0x10;
  std::memcpy(bytes + offset, &byte, 1);
}

TEST(Cell, IsAbsentUntilTheFirstWrite) {
  EXPECT_EQ(empty_cell()->read().status, ReadStatus::kAbsent);
}

TEST(Cell, TellsTheLatestValueAndCountsWrites) {
  auto cell = empty_cell();
  for (std::uint64_t number = 1; number <= 5; ++number) {
    cell->write(pair_of(number));
    const auto read = cell->read();
    ASSERT_EQ(read.status, ReadStatus::kGood);
    EXPECT_EQ(read.value.number, number);
    EXPECT_EQ(read.sequence, number);
  }
}

TEST(Cell, AnyDamagedBitOfTheLatestValueMakesItGarbage) {
  const auto written = pair_of(1);
  for (std::size_t offset = sizeof(std::uint64_t); offset < sizeof(Pair) + 2 * sizeof(std::uint64_t); ++offset) {
    auto cell = empty_cell();
    cell->write(written);
    damage(*cell, offset);
    EXPECT_EQ(cell->read().status, ReadStatus::kGarbage) << "byte " << offset;
  }
}

TEST(Cell, BytesThatNoCellWroteAreGarbage) {
  auto cell = empty_cell();
  std::memset(static_cast<void*>(cell.get()), 0x5a, sizeof *cell);
  EXPECT_EQ(cell->read().status, ReadStatus::kGarbage);
}

TEST(Cell, AWriteHealsGarbage) {
  for (const int garbage : {0x5a, 0xff}) {
    auto cell = empty_cell();
    std::memset(static_cast<void*>(cell.get()), garbage, sizeof *cell);
    cell->write(pair_of(8));
    EXPECT_EQ(cell->read().status, ReadStatus::kGood);
    EXPECT_EQ(cell->read().value.number, 8u);
    cell->write(pair_of(9));
    EXPECT_EQ(cell->read().value.number, 9u);
  }
}

TEST(Cell, AWriterStoppedInTheMiddleLeavesTheValueBeforeIt) {
  auto cell = empty_cell();
  cell->write(pair_of(1));
  cell->write(pair_of(2));
  cell->write(pair_of(3));
  // The copy of 2 is the one the next write begins with: its number becomes 0, then some words change.
  std::array<std::uint64_t, 4> zero_and_words{0, 77, 78, 79};
  const std::size_t copy_size = sizeof *cell / 2;
  std::memcpy(reinterpret_cast<unsigned char*>(cell.get()) + copy_size, zero_and_words.data(), sizeof zero_and_words);
  EXPECT_EQ(cell->read().status, ReadStatus::kGood);
  EXPECT_EQ(cell->read().value.number, 3u);
  cell->write(pair_of(4));  // by the writer's successor
  EXPECT_EQ(cell->read().value.number, 4u);
}

TEST(Cell, ReadersBesideABusyWriterSeeOnlyWholeValuesThatNeverGoBack) {
  auto cell = empty_cell();
  cell->write(pair_of(1));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t number = 2; !stop; ++number) cell->write(pair_of(number));
  });
  std::uint64_t last = 0;
  int good = 0;
  for (int i = 0; i < 200000; ++i) {
    const auto read = cell->read();
    if (read.status != ReadStatus::kGood) continue;  // overtaken sixteen times by a writer that does nothing else
    ++good;
    for (const std::uint64_t copy : read.value.copies) ASSERT_EQ(copy, read.value.number * 3);
    ASSERT_GE(read.value.number, last);
    last = read.value.number;
  }
  stop = true;
  writer.join();
  EXPECT_GT(good, 1000);
}

}  // namespace
}  // namespace matriarch::guardian
