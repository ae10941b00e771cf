// What a failed program's words come down to.
#include <gtest/gtest.h>

#include "postgres/child.hpp"

namespace matriarch::postgres {
namespace {

std::string reason_of(std::string errors) {
  ChildOutcome outcome;
  outcome.errors = std::move(errors);
  return outcome.reason();
}

TEST(ChildOutcome, TheLastErrorIsTheReason) {
  EXPECT_EQ(reason_of("initdb: error: first\ninitdb: error: second\ninitdb: removing contents of data directory\n"), "initdb: error: second");
}

// The order in which pg_basebackup 15 writes when the disk fills up under its WAL receiver.
TEST(ChildOutcome, TheEndOfABackgroundProcessIsNoReasonIfItGaveOne) {
  EXPECT_EQ(reason_of("pg_basebackup: error: could not write 8192 bytes to WAL file: No space left on device\n"
                      "pg_basebackup: error: background process terminated unexpectedly\n"
                      "pg_basebackup: removing contents of data directory\n"),
            "pg_basebackup: error: could not write 8192 bytes to WAL file: No space left on device");
  EXPECT_EQ(reason_of("pg_basebackup: error: background process terminated unexpectedly\n"),
            "pg_basebackup: error: background process terminated unexpectedly");
}

TEST(ChildOutcome, WithoutAnErrorTheLastLineTells) {
  EXPECT_EQ(reason_of("one\ntwo\n"), "two");
  EXPECT_EQ(reason_of(""), "");
}

}  // namespace
}  // namespace matriarch::postgres
