#include "model/lsn.hpp"

#include <gtest/gtest.h>

namespace matriarch::model {
namespace {

TEST(Lsn, ReadsPostgresText) {
  EXPECT_EQ(parse_lsn("16/B374D848"), Lsn{0x16B374D848});
  EXPECT_EQ(parse_lsn("0/0"), Lsn{0});
  EXPECT_EQ(format_lsn(Lsn{0x16B374D848}), "16/B374D848");
}

TEST(Lsn, RefusesEverythingElse) {
  for (const char* text : {"", "/", "16", "16/", "/1", "16/B374D848/", "123456789/0", "0/123456789", " 1/1", "1/ 1", "g/1", "-1/1", "0x1/1"}) {
    EXPECT_FALSE(parse_lsn(text)) << text;
  }
}

}  // namespace
}  // namespace matriarch::model
