#include "rest/answer.hpp"

#include <gmock/gmock.h>

#include "unit/rest/situation.hpp"

namespace matriarch::rest {
namespace {

using net::Header;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const model::WallTime kAt{1772439314s};

TEST(Answer, NormalHasConfiguredHeadersInOrder) {
  model::RestSettings settings;
  settings.http_extra_headers = {{"X-A", "1"}, {"content-type", "application/x"}};
  settings.https_extra_headers = {{"X-A", "2"}, {"Strict-Transport-Security", "max-age=1"}};
  auto response = to_response(document(503, object(R"({"a":"é"})")), settings, kAt);
  EXPECT_THAT(response.headers, ElementsAre(Header{"Server", "Matriarch/0.1.0"}, Header{"Date", "Mon, 02 Mar 2026 08:15:14 GMT"},
                                            Header{"Content-Type", "application/x"}, Header{"X-A", "1"}));
  EXPECT_EQ(response.body, R"({"a": "\u00e9"})");
  settings.tls.certfile = "cert.pem";
  settings.server_tokens = "ProductOnly";
  response = to_response(text(200, "x"), settings, kAt);
  EXPECT_THAT(response.headers, ElementsAre(Header{"Server", "Patroni"}, Header{"Date", "Mon, 02 Mar 2026 08:15:14 GMT"}, Header{"Content-Type", "application/x"},
                                            Header{"X-A", "2"}, Header{"Strict-Transport-Security", "max-age=1"}));
}

TEST(Answer, PagesAndStatusesCarryNothingOfThat) {
  model::RestSettings settings;
  settings.http_extra_headers = {{"X-A", "1"}};
  settings.server_tokens = "minimal";
  const auto response = to_response(not_supported("<PO&ST>"), settings, kAt);
  EXPECT_EQ(response.status, 501u);
  EXPECT_THAT(response.headers, ElementsAre(Header{"Server", "Patroni/4.1.4"}, Header{"Date", "Mon, 02 Mar 2026 08:15:14 GMT"}, Header{"Connection", "close"},
                                            Header{"Content-Type", "text/html;charset=utf-8"}));
  EXPECT_THAT(response.body, HasSubstr("Server does not support this operation"));
  EXPECT_THAT(response.body, HasSubstr("Unsupported method ('&lt;PO&amp;ST&gt;')"));
  const auto bare = to_response(status_only(503), settings, kAt);
  EXPECT_THAT(bare.headers, ElementsAre(Header{"Connection", "close"}));
  EXPECT_THAT(bare.body, IsEmpty());
}

}  // namespace
}  // namespace matriarch::rest
