// Values as bytes and back, described once for both directions: a type's `describe(archive, value)` names its fields
// in order, and a Writer or a Reader walks them. Numbers are little-endian and of fixed size, strings and lists carry
// their length. A Reader never reads beyond its bytes and never allocates more than they could hold; the first thing
// that is wrong makes everything after it fail.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace matriarch::consensus::machine {

class Writer {
 public:
  static constexpr bool kReads = false;

  template <typename... Fields>
  void operator()(const Fields&... fields) {
    (field(fields), ...);
  }
  // An enumerator, or the index of a variant's alternative: one byte, below `count`.
  void tag(std::uint8_t value, std::uint8_t) { bytes_.push_back(static_cast<char>(value)); }
  std::string take() { return std::move(bytes_); }

 private:
  template <std::integral T>
  void field(T value) {
    auto bits = static_cast<std::make_unsigned_t<std::conditional_t<std::same_as<T, bool>, char, T>>>(value);
    for (std::size_t i = 0; i < sizeof(bits); ++i) {
      bytes_.push_back(static_cast<char>(bits & 0xffu));
      if constexpr (sizeof(bits) > 1) bits = static_cast<decltype(bits)>(bits >> 8);
    }
  }
  void field(const std::string& text) {
    field(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  template <typename T>
  void field(const std::vector<T>& list) {
    field(static_cast<std::uint32_t>(list.size()));
    for (const auto& item : list) field(item);
  }
  template <typename T>
  void field(const std::optional<T>& value) {
    field(value.has_value());
    if (value) field(*value);
  }
  template <typename T>
    requires std::is_class_v<T>
  void field(const T& value) {
    describe(*this, value);
  }

  std::string bytes_;
};

class Reader {
 public:
  static constexpr bool kReads = true;

  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <typename... Fields>
  void operator()(Fields&... fields) {
    (field(fields), ...);
  }
  void tag(std::uint8_t& value, std::uint8_t count) {
    field(value);
    if (value >= count) fail();
  }
  bool failed() const { return failed_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  void fail() {
    failed_ = true;
    rest_ = {};
  }
  // Values can hold values of their own kind; bytes that nest them without end must not exhaust the stack.
  bool enter() {
    if (++depth_ > kMaxDepth) fail();
    return !failed_;
  }
  void leave() { --depth_; }

 private:
  static constexpr int kMaxDepth = 32;

  template <std::integral T>
  void field(T& value) {
    using Bits = std::make_unsigned_t<std::conditional_t<std::same_as<T, bool>, char, T>>;
    Bits bits = 0;
    if (rest_.size() < sizeof(Bits)) return fail();
    for (std::size_t i = sizeof(Bits); i-- > 0;) {
      if constexpr (sizeof(Bits) > 1) bits = static_cast<Bits>(bits << 8);
      bits = static_cast<Bits>(bits | static_cast<unsigned char>(rest_[i]));
    }
    rest_.remove_prefix(sizeof(Bits));
    if constexpr (std::same_as<T, bool>) {
      if (bits > 1) return fail();
      value = bits == 1;
    } else {
      value = static_cast<T>(bits);
    }
  }
  void field(std::string& text) {
    std::uint32_t size = 0;
    field(size);
    if (failed_ || size > rest_.size()) return fail();
    text.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  template <typename T>
  void field(std::vector<T>& list) {
    std::uint32_t size = 0;
    field(size);
    if (failed_ || size > rest_.size()) return fail();  // every item takes a byte at least
    list.clear();
    for (std::uint32_t i = 0; i < size && !failed_; ++i) field(list.emplace_back());
  }
  template <typename T>
  void field(std::optional<T>& value) {
    bool present = false;
    field(present);
    value.reset();
    if (!failed_ && present) field(value.emplace());
  }
  template <typename T>
    requires std::is_class_v<T>
  void field(T& value) {
    describe(*this, value);
  }

  std::string_view rest_;
  bool failed_ = false;
  int depth_ = 0;
};

// What a description may be called with: the value as const for a Writer, mutable for a Reader.
template <typename T, typename Value>
concept DescribedAs = std::same_as<std::remove_const_t<T>, Value>;

}  // namespace matriarch::consensus::machine
