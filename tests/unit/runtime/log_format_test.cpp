#include "runtime/log_format.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <boost/json.hpp>

namespace matriarch::runtime {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::MatchesRegex;

std::string line(const model::LogSettings& settings, std::string_view text = "hello", spdlog::level::level_enum level = spdlog::level::warn) {
  const auto formatter = make_log_formatter(settings);
  spdlog::memory_buf_t buffer;
  formatter->format(spdlog::details::log_msg("any", level, spdlog::string_view_t(text.data(), text.size())), buffer);
  return {buffer.data(), buffer.size()};
}

json::object object(const model::LogSettings& settings, std::string_view text = "hello") { return json::parse(line(settings, text)).as_object(); }

TEST(LogFormat, TheUsualLineIsPythons) {
  EXPECT_THAT(line({}), MatchesRegex("[0-9-]+ [0-9:]+,[0-9][0-9][0-9] WARNING: hello\n"));
  EXPECT_EQ(line({.format = "%(message)s", .dateformat = "%Y"}, "100% {} %(asctime)s\nmore"), "100% {} %(asctime)s\nmore\n");
  EXPECT_THAT(line({.format = "%(asctime)s|", .dateformat = "year %Y"}), MatchesRegex("year [0-9]+\\|\n"));
}

TEST(LogFormat, ConversionsArePrintfs) {
  EXPECT_EQ(line({.format = "%(levelname)-8s|%(levelname)9s|%(levelname).4s|"}), "WARNING |  WARNING|WARN|\n");
  EXPECT_EQ(line({.format = "%(levelno)d %(levelno)s %(levelno)05d %(levelno).1f"}), "30 30 00030 30.0\n");
  EXPECT_EQ(line({.format = "%(process)d %(process)x"}), fmt::format("{0} {0:x}\n", ::getpid()));
  EXPECT_THAT(line({.format = "%(created)f %(msecs)03d %(relativeCreated)d"}), MatchesRegex("[0-9]+\\.[0-9]+ [0-9]+ -?[0-9]+\n"));
  EXPECT_EQ(line({.format = "%(name)s %(module)s %(threadName)s %(lineno)d"}), "matriarch matriarch matriarch 0\n");
}

TEST(LogFormat, WhatIsNoFieldStays) {
  EXPECT_EQ(line({.format = "100%% %(nosuch)-3s %(message) %(open"}), "100% %(nosuch)-3s %(message) %(open\n");
  EXPECT_EQ(line({.format = "%(message)99999999s"}), "%(message)99999999s\n");
  EXPECT_EQ(line({.format = "%n %s %()s"}), "%n %s %()s\n");
}

TEST(LogFormat, JsonHasTheFieldsThatAreAskedFor) {
  EXPECT_THAT(object({.json = true}), ::testing::SizeIs(3));
  EXPECT_EQ(object({.json = true, .format = "%(levelno)d: %(message)s"}), json::parse(R"({"levelno":30,"message":"hello"})").as_object());
  EXPECT_EQ(object({.json = true, .fields = {{"levelname", "levelname"}, {"message", "msg"}}, .static_fields = {{"site", "north"}}}),
            json::parse(R"({"levelname":"WARNING","msg":"hello","site":"north"})").as_object());
  EXPECT_EQ(object({.json = true, .format = "no fields"}).count("message"), 1u);
}

TEST(LogFormat, JsonIsAscii) {
  const model::LogSettings settings{.json = true, .fields = {{"message", "m"}}};
  EXPECT_EQ(line(settings, "grün \xF0\x9F\x98\x80 \"\n"), "{\"m\":\"gr\\u00fcn \\ud83d\\ude00 \\\"\\n\"}\n");
  EXPECT_EQ(line(settings, "\xFF\xC3("), "{\"m\":\"\\ufffd\\ufffd(\"}\n");
}

}  // namespace
}  // namespace matriarch::runtime
