#include "settings/local.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Local : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "settings-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    const fs::path path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }
  static Loaded load_from(const std::string& path, Environment environment = {}) { return load({.path = path, .environment = std::move(environment)}); }

  fs::path folder_;
};

TEST_F(Local, AFileWithTheEnvironmentOverIt) {
  const auto loaded = load_from(write("a.yml", "scope: s\nrestapi:\n  listen: h:1\n"), {{"PATRONI_SCOPE", "t"}, {"PATRONI_RESTAPI_CERTFILE", "/c"}});
  ASSERT_TRUE(loaded.usable()) << all_text(loaded.complaints);
  EXPECT_EQ(json::value(loaded.raw), json::parse(R"({"scope":"t","restapi":{"listen":"h:1","certfile":"/c"}})"));
  EXPECT_TRUE(loaded.from_files);
  EXPECT_EQ(loaded.origins.at("scope"), "environment variable PATRONI_SCOPE");
  EXPECT_EQ(loaded.origins.at("restapi.listen"), "a.yml:3");
}

TEST_F(Local, ADirectoryInOrderOfNames) {
  write("20.yml", "b: {x: 2, z: 3}\nc: [2]\nd: null\n");
  write("10.yaml", "a: 1\nb: {x: 1, y: 1}\nc: [1]\nd: 1\ne: ~\n");
  write("30.YML", "a: ignored\n");
  write("notes.txt", "a: ignored\n");
  fs::create_directory(folder_ / "40.yml");
  const auto loaded = load_from(folder_.string());
  ASSERT_TRUE(loaded.usable()) << all_text(loaded.complaints);
  EXPECT_EQ(json::value(loaded.raw), json::parse(R"({"a":1,"b":{"x":2,"y":1,"z":3},"c":[2]})"));
}

TEST_F(Local, ANullInsideOfASectionStays) {
  const auto loaded = load_from(write("a.yml", "postgresql: {parameters: {archive_mode: null}}\netcd3:\n"));
  EXPECT_EQ(json::value(loaded.raw), json::parse(R"({"postgresql":{"parameters":{"archive_mode":null}}})"));
}

TEST_F(Local, WhatIsNoMappingIsRefused) {
  for (const char* text : {"", "[]", "text", "# only a comment"}) {
    EXPECT_THAT(all_text(load_from(write("a.yml", text)).complaints), HasSubstr("invalid config file")) << text;
  }
  EXPECT_THAT(all_text(load_from(write("a.yml", "{}")).complaints), HasSubstr("Config is empty."));
  EXPECT_THAT(all_text(load_from(write("a.yml", "a: [")).complaints), HasSubstr("a.yml:"));
  EXPECT_FALSE(load_from(write("a.yml", "a: [")).usable());
  EXPECT_THAT(all_text(load_from("/dev/null").complaints), HasSubstr("invalid config path"));
}

TEST_F(Local, OneBadFileOfADirectoryMakesAllUnusable) {
  write("1.yml", "scope: a\n");
  write("2.yml", "- list\n");
  const auto loaded = load_from(folder_.string());
  EXPECT_FALSE(loaded.usable());
  EXPECT_TRUE(loaded.raw.empty());
}

TEST_F(Local, TooLargeAFileIsRefused) {
  EXPECT_THAT(all_text(load_from(write("a.yml", "a: " + std::string(2 << 20, 'x'))).complaints), HasSubstr("longer than"));
}

TEST_F(Local, APathThatDoesNotExistFallsThroughWithAWarning) {
  const auto loaded = load_from((folder_ / "none.yml").string(), {{"PATRONI_SCOPE", "s"}});
  ASSERT_TRUE(loaded.usable());
  EXPECT_EQ(json::value(loaded.raw), json::parse(R"({"scope":"s"})"));
  EXPECT_THAT(all_text(loaded.complaints), HasSubstr("none.yml: does not exist"));
  EXPECT_FALSE(loaded.from_files);
}

TEST_F(Local, TheWholeConfigurationInOneVariableStandsAlone) {
  const auto loaded = load_from("", {{"PATRONI_CONFIGURATION", "{scope: a, etcd3: null}"}, {"PATRONI_SCOPE", "b"}, {"PATRONI_RESTAPI_PASSWORD", "x"}});
  ASSERT_TRUE(loaded.usable()) << all_text(loaded.complaints);
  EXPECT_EQ(json::value(loaded.raw), json::parse(R"({"scope":"a","etcd3":null})"));
  EXPECT_THAT(loaded.consumed, Contains("PATRONI_RESTAPI_PASSWORD"));
  EXPECT_THAT(loaded.consumed, Contains("PATRONI_CONFIGURATION"));
  EXPECT_THAT(all_text(load_from("", {{"PATRONI_CONFIGURATION", "secret: hunter2: x"}}).complaints), Not(HasSubstr("hunter2")));
}

TEST_F(Local, WhatCannotBeReadIsNamedWithTheUser) {
  EXPECT_THAT(why_unreadable("/nonexistent/a.yml").value_or(""), testing::MatchesRegex("No such file or directory \\(user .+\\)"));
  EXPECT_EQ(why_unreadable("/proc/self/status"), std::nullopt);
  EXPECT_EQ(to_validation_line({.wrong = "cannot be read: Permission denied (user postgres)", .where = "/a.yml"}), "/a.yml: cannot be read: Permission denied (user postgres)");
}

TEST_F(Local, NothingAtAllIsAnError) { EXPECT_THAT(all_text(load_from("", {{"HOME", "/"}}).complaints), HasSubstr("Config is empty.")); }

// A regular file whose reading fails, for root as well.
TEST_F(Local, AFileThatCannotBeReadIsAnError) {
  EXPECT_THAT(all_text(load_from("/proc/self/mem").complaints), HasSubstr("/proc/self/mem: cannot be read"));
}

}  // namespace
}  // namespace matriarch::settings
