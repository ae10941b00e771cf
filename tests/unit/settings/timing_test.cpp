#include "settings/timing.hpp"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using model::Milliseconds;
using model::Timing;
using testing::HasSubstr;
using namespace std::chrono_literals;

json::object times(json::value ttl, json::value loop_wait, json::value retry_timeout) {
  return {{"ttl", std::move(ttl)}, {"loop_wait", std::move(loop_wait)}, {"retry_timeout", std::move(retry_timeout)}};
}

struct TimingCase {
  json::object document;
  TimingLimits limits;
  Timing expected;
};

TEST(Timing, DefaultsMinimumsAndTheSumRule) {
  using enum TimingLimits;
  const TimingCase rows[] = {
      {{}, kPatroni, {30s, 10s, 10s}},
      {times(30, 10, 15), kPatroni, {30s, 1s, 14s}},
      {times(30, 20, 10), kPatroni, {30s, 10s, 10s}},
      {times(10, 0, 1), kPatroni, {20s, 1s, 3s}},
      {times("30", "5", 4.9), kPatroni, {30s, 5s, 4s}},
      {times(20, 10, 10), kPatroni, {20s, 1s, 9s}},
      {times(100, 50, 25), kPatroni, {100s, 50s, 25s}},
      {times("030", 5, 5), kPatroni, {30s, 5s, 5s}},
      {{}, kEmbedded, {2s, 1s, 500ms}},
      {times(30, 10, 15), kEmbedded, {30s, 10s, 15s}},
      {times(1.5, 0.25, "0.1"), kEmbedded, {1500ms, 250ms, 100ms}},
      {times(0.2, 0, 0), kEmbedded, {1s, 100ms, 100ms}},
      {{{"ttl", 5}}, kEmbedded, {5s, 1s, 500ms}},
      {{}, kMatriarchOnly, {30s, 10s, 10s}},
      {times(2, 0.5, 0.5), kMatriarchOnly, {2s, 500ms, 500ms}},
      {times(1, 0.5, 0.5), kMatriarchOnly, {2s, 500ms, 500ms}},
      {times(2, 10, 10), kMatriarchOnly, {2s, 100ms, 950ms}},
      {times(5, 4, 1), kMatriarchOnly, {5s, 3s, 1s}},
  };
  for (const TimingCase& row : rows) {
    const auto read = read_timing(row.document, row.limits);
    ASSERT_TRUE(read) << json::serialize(row.document);
    EXPECT_EQ(read->timing, row.expected) << json::serialize(row.document) << ": " << read->timing.ttl.count() << " " << read->timing.loop_wait.count()
                                          << " " << read->timing.retry_timeout.count();
  }
}

TEST(Timing, AdjustmentsAreSaidInPatronisWords) {
  const auto rule = read_timing(times(30, 10, 15), TimingLimits::kPatroni);
  ASSERT_EQ(rule->warnings.size(), 1u);
  EXPECT_EQ(rule->warnings[0].wrong,
            "Violated the rule \"loop_wait + 2*retry_timeout <= ttl\", where ttl=30. Adjusting loop_wait from 10 to 1 and retry_timeout from 15 to 14");
  const auto loop = read_timing(times(30, 20, 10), TimingLimits::kPatroni);
  EXPECT_EQ(loop->warnings[0].wrong,
            "Violated the rule \"loop_wait + 2*retry_timeout <= ttl\", where ttl=30 and retry_timeout=10. Adjusting loop_wait from 20 to 10");
  EXPECT_EQ(to_text(read_timing(times(10, 5, 5), TimingLimits::kPatroni)->warnings[0]), "warning: ttl 10 can't be smaller than 20, adjusting...");
  EXPECT_TRUE(read_timing(times(30, 10, 10), TimingLimits::kPatroni)->warnings.empty());
}

TEST(Timing, WhatIsNoNumberRejectsTheDocument) {
  for (const json::value& bad : {json::value("5.5"), json::value(nullptr), json::value(json::object{}), json::value("x"), json::value(true),
                                 json::value("10s"), json::value(1e300), json::value("")}) {
    const auto read = read_timing({{"loop_wait", bad}}, TimingLimits::kPatroni);
    ASSERT_FALSE(read) << json::serialize(bad);
    EXPECT_EQ(read.error()[0].path, "loop_wait");
  }
  for (const json::value& bad : {json::value("10s"), json::value(nullptr), json::value(false), json::value(1e300), json::value(-1e300)}) {
    EXPECT_FALSE(read_timing({{"ttl", bad}}, TimingLimits::kEmbedded)) << json::serialize(bad);
  }
  EXPECT_EQ(read_timing(times(nullptr, "x", 5), TimingLimits::kPatroni).error().size(), 2u);
}

TEST(Timing, WhateverIsAcceptedKeepsTheLimits) {
  EXPECT_TRUE(rc::check("loop_wait + 2 * retry_timeout <= ttl", [] {
    const auto number = rc::gen::inRange(-5, 400);
    const json::object document = times(*number, *number, *number);
    for (const TimingLimits limits : {TimingLimits::kPatroni, TimingLimits::kMatriarchOnly}) {
      const auto read = read_timing(document, limits);
      RC_ASSERT(bool(read));
      const Timing& timing = read->timing;
      RC_ASSERT(timing.loop_wait + 2 * timing.retry_timeout <= timing.ttl);
      const bool is_patroni = limits == TimingLimits::kPatroni;
      RC_ASSERT(timing.ttl >= (is_patroni ? Milliseconds(20s) : Milliseconds(2s)));
      RC_ASSERT(timing.loop_wait >= (is_patroni ? Milliseconds(1s) : Milliseconds(100ms)));
      RC_ASSERT(timing.retry_timeout > 0ms);
      const auto again = read_timing(times(in_seconds(timing.ttl), in_seconds(timing.loop_wait), in_seconds(timing.retry_timeout)), limits);
      RC_ASSERT(again->timing == timing);
    }
  }));
}

}  // namespace
}  // namespace matriarch::settings
