// Which members' certificates the command line believes: as patronictl.
#include "ctl/member_calls.hpp"

#include <gmock/gmock.h>

#include "unit/net/a_tls_member.hpp"

namespace matriarch::ctl {
namespace {

namespace asio = boost::asio;

class MemberCallsTest : public net::ATlsMember {
 protected:
  bool is_believed(const model::CtlSettings& ctl, bool insecure) {
    model::Settings settings;
    settings.ctl = ctl;
    const auto calls = make_member_calls(loop_.executor(), settings, insecure);
    bool answered = false;
    loop_.run([&]() -> asio::awaitable<void> {
      Call call{.api_url = url()};
      const auto answer = co_await calls->call(std::move(call));
      answered = answer.has_value();
    });
    return answered;
  }
  model::CtlSettings trusting() { return {.cacert = authority_.cafile()}; }
};

TEST_F(MemberCallsTest, AuthorityAndHostAreVerified) {
  serve(authority_.issue("pg2", "IP:127.0.0.1"));
  EXPECT_TRUE(is_believed(trusting(), false));
  EXPECT_TRUE(is_believed(with_certificate(), false));
}

TEST_F(MemberCallsTest, InsecureGivesUpTheHost) {
  serve(authority_.issue("pg2", "DNS:other"));
  EXPECT_FALSE(is_believed(trusting(), false));
  EXPECT_FALSE(is_believed(with_certificate(), false));
  EXPECT_TRUE(is_believed(trusting(), true));
  EXPECT_TRUE(is_believed(with_certificate(), true));
}

TEST_F(MemberCallsTest, InsecureGivesUpTheAuthorityOnlyWithoutACertificateOfOnesOwn) {
  serve(stranger_.issue("pg2", "IP:127.0.0.1"));
  EXPECT_FALSE(is_believed(trusting(), false));
  EXPECT_TRUE(is_believed(trusting(), true));
  EXPECT_FALSE(is_believed(with_certificate(), true));
}

TEST_F(MemberCallsTest, AUrlThatIsNoneIsNamed) {
  model::Settings settings;
  const auto calls = make_member_calls(loop_.executor(), settings, false);
  loop_.run([&]() -> asio::awaitable<void> {
    Call call{.api_url = "ftp://127.0.0.1/"};
    const auto answer = co_await calls->call(std::move(call));
    EXPECT_THAT(answer.error().what, testing::HasSubstr("ftp://127.0.0.1/"));
  });
}

}  // namespace
}  // namespace matriarch::ctl
