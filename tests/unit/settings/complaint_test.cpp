#include "settings/complaint.hpp"

#include <gtest/gtest.h>

namespace matriarch::settings {
namespace {

namespace json = boost::json;

TEST(Complaint, AsText) {
  const Complaint complaint{.path = "restapi.listen", .value = "8008", .wrong = "is not an address", .right = "expected HOST:PORT", .where = "pg1.yml:12"};
  EXPECT_EQ(to_text(complaint), "error: pg1.yml:12: restapi.listen 8008 is not an address; expected HOST:PORT");
  EXPECT_EQ(to_validation_line(complaint), "restapi.listen 8008 is not an address");
}

TEST(Complaint, AnEmptyValueLeavesItsBlankInAValidationLine) {
  const Complaint complaint{.path = "scope", .wrong = "is not defined."};
  EXPECT_EQ(to_validation_line(complaint), "scope  is not defined.");
  EXPECT_EQ(to_text(complaint), "error: scope is not defined.");
}

TEST(Complaint, OnlyErrorsMakeUnusable) {
  EXPECT_FALSE(has_errors({{.severity = Severity::kWarning, .path = "a"}}));
  EXPECT_TRUE(has_errors({{.severity = Severity::kWarning, .path = "a"}, {.path = "b"}}));
}

TEST(Complaint, SecretsAreMasked) {
  for (const char* path : {"restapi.authentication.password", "embedded.secret", "raft.password", "consul.token", "zookeeper.auth_data.digest",
                           "restapi.keyfile_password", "postgresql.authentication.superuser.sslpassword", "matriarch.users.0",
                           "postgresql.parameters.primary_conninfo", "postgresql.authentication", "postgresql.authentication.superuser"}) {
    EXPECT_EQ(shown_value(path, json::string("hunter2")).find("hunter2"), path == std::string("postgresql.authentication.superuser") ? 0u : std::string::npos)
        << path;
  }
  EXPECT_EQ(shown_value("etcd3.password", 12345), "***");
}

TEST(Complaint, OtherValuesAreShown) {
  EXPECT_EQ(shown_value("postgresql.authentication.superuser.username", json::string("postgres")), "postgres");
  EXPECT_EQ(shown_value("postgresql.authentication.rewind.sslmode", json::string("verify-ca")), "verify-ca");
  EXPECT_EQ(shown_value("postgresql.parameters.password_encryption", json::string("md5")), "md5");
  EXPECT_EQ(shown_value("log.level", true), "True");
}

TEST(Complaint, SecretsInsideOfMappingsAndUrlsAreMasked) {
  const std::string shown = shown_value("etcd3", json::parse(R"({"username":"u","password":"hunter2","hosts":["h"]})"));
  EXPECT_EQ(shown.find("hunter2"), std::string::npos);
  EXPECT_NE(shown.find("\"h\""), std::string::npos);
  EXPECT_EQ(shown_value("etcd3.url", json::string("http://u:hunter2@h:1")), "http://***@h:1");
}

TEST(Complaint, LongOrOddValuesStayOneShortLine) {
  EXPECT_EQ(shown_value("a", json::string("x\ny\x1b")), "x y ");
  EXPECT_LE(shown_value("a", json::string(std::string(10'000, 'x'))).size(), 123u);
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xE2\x82\xAC";
  const std::string shown = shown_value("a", json::string("x" + wide));
  EXPECT_EQ(shown.substr(shown.size() - 6), "\xE2\x82\xAC...") << shown;
}

}  // namespace
}  // namespace matriarch::settings
