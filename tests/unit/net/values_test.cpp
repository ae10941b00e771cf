// Targets, base64, credentials, headers: the values around a request.
#include <gmock/gmock.h>

#include "net/base64.hpp"
#include "net/basic_auth.hpp"
#include "net/http.hpp"
#include "net/http_url.hpp"
#include "net/percent.hpp"
#include "net/printable.hpp"

namespace matriarch::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FindHeader, ComparesNamesWithoutCaseAndTakesTheFirst) {
  const std::vector<Header> headers{{"Content-Type", "a"}, {"content-type", "b"}};
  EXPECT_EQ(find_header(headers, "CONTENT-TYPE"), "a");
  EXPECT_FALSE(find_header(headers, "Content"));
}

TEST(Target, SplitsPathAndQuery) {
  const auto target = parse_target("/replica?lag=16MB&tag_a=x%20y");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/replica");
  EXPECT_THAT(target->query, ElementsAre(QueryParameter{"lag", "16MB"}, QueryParameter{"tag_a", "x y"}));
  EXPECT_EQ(target->parameter("lag"), "16MB");
  EXPECT_FALSE(target->parameter("other"));
}

TEST(Target, KeepsBlankValuesAndRepetitions) {
  const auto target = parse_target("/?a=&b&a=2&&=c");
  ASSERT_TRUE(target);
  EXPECT_THAT(target->query, ElementsAre(QueryParameter{"a", ""}, QueryParameter{"b", ""}, QueryParameter{"a", "2"},
                                         QueryParameter{"", "c"}));
}

TEST(Target, DecodesThePathAndTakesPlusForABlankInTheQueryOnly) {
  const auto target = parse_target("/a%2Fb+c?d+e=%2B");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a/b+c");
  EXPECT_THAT(target->query, ElementsAre(QueryParameter{"d e", "+"}));
}

TEST(Target, KnowsTheOtherForms) {
  EXPECT_EQ(parse_target("*")->path, "*");
  EXPECT_EQ(parse_target("http://db1:8008/patroni?x=1")->path, "/patroni");
  EXPECT_EQ(parse_target("http://db1")->path, "/");
  EXPECT_THAT(parse_target("/?")->query, IsEmpty());
}

TEST(Target, RefusesWhatIsNone) {
  for (const char* bad : {"", "patroni", "/%zz", "/%2", "/a b", "/a\nb", "/%00", "/?a=%00", "/?a=%4", "mailto:x"}) {
    EXPECT_FALSE(parse_target(bad)) << bad;
  }
}

TEST(PercentEncode, LeavesOnlyUnreservedCharacters) {
  EXPECT_EQ(percent_encode("a-._~Z9 /?&=+%\xc3\xa9"), "a-._~Z9%20%2F%3F%26%3D%2B%25%C3%A9");
  EXPECT_EQ(parse_target("/" + percent_encode("a/b?c"))->path, "/a/b?c");
}

TEST(Base64, EncodesAndDecodesEveryLength) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    bytes.push_back(static_cast<char>(i));
  }
}

TEST(Base64, RefusesEverythingButTheOneEncoding) {
  for (const char* bad : {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm 9v", "=",
                          "====", "Zm9-", "Zm9_", "Zm9v="}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
  EXPECT_FALSE(base64_decode(std::string_view("Zm\0v", 4)));
}

TEST(BasicAuth, ParsesWhatItMakes) {
  const BasicCredentials secret{.username = "admin", .password = "a:b:c"};
  const auto parsed = parse_basic_auth(make_basic_auth(secret));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->username, "admin");
  EXPECT_EQ(parsed->password, "a:b:c");
  EXPECT_TRUE(parse_basic_auth("bAsIc   YTpi"));
}

TEST(BasicAuth, RefusesOtherSchemesAndNonsense) {
  for (const char* bad : {"", "Basic", "Basic ", "Bearer YTpi", "Basic YTpi!", "Basic YWI=", "BasicYTpi"}) {
    EXPECT_FALSE(parse_basic_auth(bad)) << bad;
  }
}

TEST(BasicAuth, AuthorizesTheExactCredentialsOnly) {
  const BasicCredentials expected{.username = "u", .password = "p"};
  const auto with = [](const std::string& name, const std::string& password) {
    return std::vector<Header>{{"authorization", make_basic_auth({.username = name, .password = password})}};
  };
  EXPECT_TRUE(is_authorized(with("u", "p"), expected));
  EXPECT_FALSE(is_authorized(with("u", "q"), expected));
  EXPECT_FALSE(is_authorized(with("v", "p"), expected));
  EXPECT_FALSE(is_authorized(with("u", ""), expected));
  EXPECT_FALSE(is_authorized(with("u", "pp"), expected));
  EXPECT_FALSE(is_authorized({}, expected));
}

TEST(HttpUrl, IsTakenApart) {
  const auto url = parse_http_url("https://db1:8009/patroni?x=1", 8008);
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->is_tls);
  EXPECT_EQ(url->host, "db1");
  EXPECT_EQ(url->port, 8009);
  EXPECT_EQ(url->target, "/patroni?x=1");
}

TEST(HttpUrl, WithoutAPortTheCallersCounts) {
  EXPECT_EQ(parse_http_url("http://[fd00::1]/patroni", 8008)->port, 8008);
  EXPECT_EQ(parse_http_url("http://[fd00::1]/patroni", 8008)->host, "fd00::1");
}

TEST(HttpUrl, OfAnotherKindIsNone) {
  for (const char* text : {"", "db1:8008", "ftp://db1/", "http://", "http://a b/"}) EXPECT_FALSE(parse_http_url(text, 8008)) << text;
}

TEST(Printable, IsOneShortLine) {
  EXPECT_EQ(printable("pg1"), "pg1");
  EXPECT_EQ(printable("pg1\n2026 INFO: all is well\x1b[2J"), "pg1?2026 INFO: all is well?[2J");
  EXPECT_EQ(printable(std::string(1000, 'x')).size(), 200u);
}

}  // namespace
}  // namespace matriarch::net
