#include "postgres/server_description.hpp"

#include <gmock/gmock.h>

namespace matriarch::postgres {
namespace {

using ::testing::ElementsAre;

TEST(ServerDescription, OnlyEntriesOfTheFilesAreTaken) {
  const char* hba = "# a comment\n\nlocal all all trust\n  host\tall all 0.0.0.0/0 md5 \ninclude more.conf\nhostile all\n";
  EXPECT_THAT(hba_entries(hba, 150004), ElementsAre("local all all trust", "host\tall all 0.0.0.0/0 md5"));
  EXPECT_THAT(hba_entries(hba, 160000), ElementsAre("local all all trust", "host\tall all 0.0.0.0/0 md5", "include more.conf"));
  EXPECT_THAT(ident_entries("# map\n\n m a b\n"), ElementsAre("m a b"));
}

}  // namespace
}  // namespace matriarch::postgres
