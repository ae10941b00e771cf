// A value in shared memory with one writer and any number of readers, none of whom ever waits for another.
//
// Two copies are written in turn, so that one of them is whole at every moment: a writer that is stopped or killed in
// the middle of a write leaves its previous value readable. Each copy has a sequence number (0 while it is written) and
// a checksum; the reader takes the copy with the higher number. Every word is an atomic of its own, hence no data race,
// and the words' release/acquire order makes a reader that saw one new word also see that the number changed (the
// sequence lock of H. Boehm, "Can seqlocks get along with programming language memory models?", 2012).
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace matriarch::guardian {

enum class ReadStatus : std::uint8_t {
  kAbsent,   // never written since the page was made
  kGood,     //
  kGarbage,  // what is there was not written by a Cell: nothing in it may be believed
};

template <typename T>
struct CellRead {
  ReadStatus status = ReadStatus::kAbsent;
  std::uint64_t sequence = 0;  // grows with each write; tells two writes of the same value apart
  T value{};
};

template <typename T>
class Cell {
  static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>,
                "padding would make the checksum depend on garbage");
  static_assert(sizeof(T) % sizeof(std::uint64_t) == 0);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

 public:
  // Wait-free, allocates nothing, calls nothing. Only one thread of one process may write a cell. A new writer of the
  // same cell goes on where the last one stopped.
  void write(const T& value) noexcept;
  // Wait-free. A reader that is overtaken by two writes in the middle of a copy reads again, at most kAttempts times.
  CellRead<T> read() const noexcept;

 private:
  static constexpr std::size_t kWords = sizeof(T) / sizeof(std::uint64_t);
  static constexpr int kAttempts = 16;
  using Words = std::array<std::uint64_t, kWords>;

  struct Copy {
    std::atomic<std::uint64_t> sequence;
    std::array<std::atomic<std::uint64_t>, kWords> words;
    std::atomic<std::uint64_t> checksum;
  };

  static constexpr std::uint64_t checksum_of(const Words& words, std::uint64_t sequence) noexcept {
    std::uint64_t sum = 0xcbf29ce484222325u ^ sequence;  // FNV-1a, a word at a time, with its bits mixed downwards
    for (const std::uint64_t word : words) {
      sum = (sum ^ word) * 0x100000001b3u;
      sum ^= sum >> 29;
    }
    return sum;
  }

  std::array<Copy, 2> copies_;
};

template <typename T>
void Cell<T>::write(const T& value) noexcept {
  const std::uint64_t first = copies_[0].sequence.load(std::memory_order_relaxed);
  const std::uint64_t second = copies_[1].sequence.load(std::memory_order_relaxed);
  Copy& copy = first <= second ? copies_[0] : copies_[1];
  std::uint64_t next = (first <= second ? second : first) + 1;
  if (next == 0) next = 1;  // only garbage gets there; the other copy then loses its rank below
  const auto words = std::bit_cast<Words>(value);

  copy.sequence.store(0, std::memory_order_relaxed);
  for (std::size_t i = 0; i < kWords; ++i) copy.words[i].store(words[i], std::memory_order_release);
  copy.checksum.store(checksum_of(words, next), std::memory_order_release);
  copy.sequence.store(next, std::memory_order_release);
  if (next == 1) (&copy == &copies_[0] ? copies_[1] : copies_[0]).sequence.store(0, std::memory_order_release);
}

template <typename T>
CellRead<T> Cell<T>::read() const noexcept {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint64_t first = copies_[0].sequence.load(std::memory_order_acquire);
    const std::uint64_t second = copies_[1].sequence.load(std::memory_order_acquire);
    if (first == 0 && second == 0) return {};
    const Copy& copy = first > second ? copies_[0] : copies_[1];
    const std::uint64_t sequence = first > second ? first : second;

    Words words{};
    for (std::size_t i = 0; i < kWords; ++i) words[i] = copy.words[i].load(std::memory_order_acquire);
    const std::uint64_t checksum = copy.checksum.load(std::memory_order_acquire);
    if (copy.sequence.load(std::memory_order_relaxed) != sequence) continue;
    if (checksum != checksum_of(words, sequence)) return {.status = ReadStatus::kGarbage};
    return {.status = ReadStatus::kGood, .sequence = sequence, .value = std::bit_cast<T>(words)};
  }
  return {.status = ReadStatus::kGarbage};
}

}  // namespace matriarch::guardian
