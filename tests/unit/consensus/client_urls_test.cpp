#include "consensus/client_urls.hpp"

#include <gmock/gmock.h>

namespace matriarch::consensus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Urls = std::vector<std::string>;

const HostPort kOthers{.host = "10.0.0.1", .port = 7400};

TEST(ClientUrls, NameTheHostThatOthersReach) {
  for (const char* everywhere : {"", "*", "0.0.0.0", "::"}) {
    EXPECT_THAT(client_urls({.host = everywhere, .port = 7401}, kOthers, true), ElementsAre("https://10.0.0.1:7401")) << everywhere;
  }
  EXPECT_THAT(client_urls({.host = "10.0.0.9", .port = 7401}, kOthers, false), ElementsAre("http://10.0.0.9:7401"));
  EXPECT_THAT(client_urls({.host = "::", .port = 7401}, {.host = "fd00::1", .port = 7400}, true), ElementsAre("https://[fd00::1]:7401"));
}

TEST(ClientUrls, ALoopbackAddressIsForTheClientsOfItsOwnMember) {
  for (const char* loopback : {"http://127.0.0.1:7401", "http://[::1]:7401", "http://localhost:7401"}) {
    EXPECT_THAT(urls_that_lead_there(Urls{loopback}, "10.0.0.1:7400", true), ElementsAre(loopback));
    EXPECT_THAT(urls_that_lead_there(Urls{loopback}, "10.0.0.1:7400", false), IsEmpty()) << loopback;
    EXPECT_THAT(urls_that_lead_there(Urls{loopback}, "127.0.0.1:7400", false), ElementsAre(loopback)) << "all on one host";
  }
  EXPECT_THAT(urls_that_lead_there(Urls{"https://10.0.0.1:7401"}, "10.0.0.1:7400", false), ElementsAre("https://10.0.0.1:7401"));
}

}  // namespace
}  // namespace matriarch::consensus
