// How late the guardian wakes: the gap between a timer's due time and its running, over the last one to two minutes.
// Pure; the fence budget follows it.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "guardian/page.hpp"

namespace matriarch::guardian {

class WakeLatency {
 public:
  static constexpr Duration kPeriod = std::chrono::minutes(1);

  void add(Duration latency, Instant now) noexcept {
    if (now - period_began_ >= kPeriod) begin_period(now);
    latency = std::max(latency, Duration::zero());
    current_.worst = std::max(current_.worst, latency);
    ++current_.counts[bucket_of(latency)];
    ++current_.samples;
  }
  Duration worst() const noexcept { return std::max(current_.worst, last_.worst); }
  // The upper edge of the bucket (powers of two of microseconds) below which 99 of 100 lie; never above worst().
  Duration p99() const noexcept {
    const std::uint64_t samples = current_.samples + last_.samples;
    std::uint64_t above = 0;
    for (std::size_t bucket = kBuckets; bucket-- > 0;) {
      above += current_.counts[bucket] + last_.counts[bucket];
      if (above * 100 > samples) return std::min(worst(), Duration(std::chrono::microseconds(1ll << bucket)));
    }
    return Duration::zero();
  }

 private:
  static constexpr std::size_t kBuckets = 32;  // up to 2^31 us, more than half an hour
  struct Period {
    Duration worst{};
    std::uint64_t samples = 0;
    std::array<std::uint64_t, kBuckets> counts{};
  };

  static std::size_t bucket_of(Duration latency) noexcept {
    const auto us = static_cast<std::uint64_t>(latency.count() / 1000);
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(us)), kBuckets - 1);
  }
  void begin_period(Instant now) noexcept {
    last_ = now - period_began_ < 2 * kPeriod ? current_ : Period{};
    current_ = Period{};
    period_began_ = now;
  }

  Period current_;
  Period last_;
  Instant period_began_{};
};

}  // namespace matriarch::guardian
