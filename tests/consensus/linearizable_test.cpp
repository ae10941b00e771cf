// The checker must accept what a register can do and catch what it cannot.
#include "linearizable.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <random>

namespace matriarch::consensus::test {
namespace {

using Kind = Operation::Kind;

Operation read(std::optional<std::string> saw, std::int64_t begun, std::int64_t ended) {
  return {.kind = Kind::kRead, .value = std::move(saw), .begun = begun, .ended = ended};
}
Operation write(std::string value, std::int64_t begun, std::int64_t ended = Operation::kNever) {
  return {.kind = Kind::kWrite, .value = std::move(value), .begun = begun, .ended = ended};
}
Operation cas(std::optional<std::string> from, std::string to, bool succeeded, std::int64_t begun,
              std::int64_t ended = Operation::kNever) {
  return {.kind = Kind::kCompareAndSet, .expected = std::move(from), .value = std::move(to), .succeeded = succeeded,
          .begun = begun, .ended = ended};
}

TEST(Linearizable, AcceptsWhatARegisterDoes) {
  EXPECT_TRUE(is_linearizable({}));
  EXPECT_TRUE(is_linearizable({read(std::nullopt, 0, 1), write("1", 2, 3), read("1", 4, 5)}));
  // Concurrent with the write: either value, but not back again.
  EXPECT_TRUE(is_linearizable({write("1", 0, 1), write("2", 2, 9), read("1", 3, 4), read("2", 5, 6)}));
  EXPECT_TRUE(is_linearizable({cas(std::nullopt, "1", true, 0, 9), cas(std::nullopt, "2", false, 1, 8), read("1", 10, 11)}));
  // Of unknown outcome: happened late, or never.
  EXPECT_TRUE(is_linearizable({write("1", 0, 1), write("2", 2), read("1", 3, 4), read("2", 5, 6)}));
  EXPECT_TRUE(is_linearizable({write("1", 0, 1), write("2", 2), read("1", 3, 4)}));
  EXPECT_TRUE(is_linearizable({write("1", 0, 1), cas("1", "2", true, 2), read("2", 3, 4)}));
}

TEST(Linearizable, CatchesAStaleRead) {
  EXPECT_FALSE(is_linearizable({write("1", 0, 1), write("2", 2, 3), read("1", 4, 5)}));
}

TEST(Linearizable, CatchesALostWrite) {
  EXPECT_FALSE(is_linearizable({write("1", 0, 1), read(std::nullopt, 2, 3)}));
}

TEST(Linearizable, CatchesAReadThatGoesBack) {
  EXPECT_FALSE(is_linearizable({write("1", 0, 1), write("2", 2, 9), read("2", 3, 4), read("1", 5, 6)}));
  EXPECT_FALSE(is_linearizable({write("1", 0, 1), write("2", 2), read("2", 3, 4), read("1", 5, 6)}));
}

TEST(Linearizable, CatchesTwoWinnersOfOneRace) {
  EXPECT_FALSE(is_linearizable({cas(std::nullopt, "1", true, 0, 9), cas(std::nullopt, "2", true, 1, 8)}));
}

TEST(Linearizable, CatchesAWriteCarriedOutTwice) {
  EXPECT_FALSE(is_linearizable({write("1", 0, 1), write("2", 2, 3), read("2", 4, 5), read("1", 6, 7)}));
}

TEST(Linearizable, CatchesAValueFromNowhereAndARefusalWithoutReason) {
  EXPECT_FALSE(is_linearizable({read("1", 0, 1)}));
  EXPECT_FALSE(is_linearizable({write("1", 0, 1), cas("1", "2", false, 2, 3)}));
}

TEST(Linearizable, ARunThatSawLessThanPlannedFallsShort) {
  const Tally planned{.answered = 100, .kills = 5, .freezes = 5};
  EXPECT_THAT(shortfalls(planned, planned), testing::IsEmpty());
  EXPECT_THAT(shortfalls({.answered = 99, .kills = 5, .freezes = 6}, planned), testing::ElementsAre("operations answered: 99 of 100"));
  EXPECT_THAT(shortfalls({.answered = 200, .kills = 4, .freezes = 0}, planned),
              testing::ElementsAre("processes killed: 4 of 5", "processes frozen: 0 of 5"));
}

// Histories made by a real register are accepted; with one read falsified to a value that was overwritten long before
// they are not.
RC_GTEST_PROP(LinearizableProperty, AcceptsTheRealAndCatchesTheFalsified, ()) {
  std::vector<Operation> history;
  std::optional<std::string> state;
  bool state_is_certain = true;  // else its write may also take effect later
  std::int64_t now = 0;
  const int size = *rc::gen::inRange(4, 60);
  for (int i = 0; i < size; ++i) {
    // It takes effect at `now`, somewhere between its beginning and its end.
    const std::int64_t begun = now - *rc::gen::inRange(0, 25);
    const std::int64_t ended = now + *rc::gen::inRange(0, 25);
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        history.push_back(read(state, begun, ended));
        state_is_certain = true;  // what was seen has happened
        break;
      case 1:
        state_is_certain = *rc::gen::inRange(0, 8) != 0;
        history.push_back(write(std::to_string(i), begun, state_is_certain ? ended : Operation::kNever));
        state = std::to_string(i);
        break;
      default: {
        const bool right = *rc::gen::arbitrary<bool>();
        history.push_back(cas(right ? state : "wrong", std::to_string(i), right, begun, ended));
        if (right) {
          state = std::to_string(i);
          state_is_certain = true;
        }
      }
    }
    now += 10;
  }
  RC_ASSERT(is_linearizable(history));
  history.push_back(write("last", now + 100, now + 101));
  history.push_back(read(state, now + 102, now + 103));
  RC_ASSERT(is_linearizable(history) == !state_is_certain);
}

}  // namespace
}  // namespace matriarch::consensus::test
