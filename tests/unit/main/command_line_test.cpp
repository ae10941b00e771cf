#include "main/command_line.hpp"

#include <gmock/gmock.h>

namespace matriarch::main {
namespace {

using Mode = ServiceRequest::Mode;
using ::testing::HasSubstr;

ServiceRequest parsed(std::vector<std::string> words) {
  const auto request = parse_service(std::move(words));
  EXPECT_TRUE(request) << request.error();
  return request.value_or(ServiceRequest());
}

std::string refused(std::vector<std::string> words) {
  const auto request = parse_service(std::move(words));
  EXPECT_FALSE(request);
  return request ? "" : request.error();
}

TEST(CommandLine, TheServiceTakesOneFileOrNone) {
  EXPECT_EQ(parsed({}).mode, Mode::kRun);
  EXPECT_EQ(parsed({}).file, "");
  EXPECT_EQ(parsed({"node.yml"}).file, "node.yml");
  EXPECT_TRUE(parsed({"node.yml", "--form-new-cluster"}).forms_alone);
  EXPECT_THAT(refused({"a.yml", "b.yml"}), HasSubstr("unrecognized arguments: b.yml"));
  EXPECT_THAT(refused({"--unknown"}), HasSubstr("--unknown"));
}

TEST(CommandLine, TheOrderOfWordsIsFree) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"--validate-config", "-i", "-p", "a.yml"}, {"a.yml", "-p", "--validate-config", "-i"}, {"-ip", "a.yml", "--validate-config"}}) {
    const auto request = parsed(words);
    EXPECT_EQ(request.mode, Mode::kValidate);
    EXPECT_EQ(request.file, "a.yml");
    EXPECT_TRUE(request.ignores_listen_port && request.prints);
  }
}

TEST(CommandLine, LongOptionsMayBeAbbreviated) {
  EXPECT_EQ(parsed({"--validate", "a.yml"}).mode, Mode::kValidate);
  EXPECT_EQ(parsed({"--generate-s"}).mode, Mode::kGenerateSample);
  EXPECT_EQ(parsed({"--generate-c", "--ds=host=a port=5"}).dsn, "host=a port=5");
  EXPECT_THAT(refused({"--generate"}), HasSubstr("--generate-sample-config or --generate-config"));
}

TEST(CommandLine, AnOptionOfAnotherModeIsAMistake) {
  EXPECT_THAT(refused({"a.yml", "-i"}), HasSubstr("--ignore-listen-port is for --validate-config"));
  EXPECT_THAT(refused({"a.yml", "-p"}), HasSubstr("--print is for --validate-config"));
  EXPECT_THAT(refused({"--validate-config", "--dsn", "host=a"}), HasSubstr("--dsn is for --generate-config"));
  EXPECT_THAT(refused({"--validate-config", "--form-new-cluster"}), HasSubstr("--form-new-cluster is for the service"));
  EXPECT_THAT(refused({"--validate-config", "--generate-sample-config"}), HasSubstr("exclude each other"));
}

TEST(CommandLine, HelpAndVersionComeFirst) {
  EXPECT_EQ(parsed({"a.yml", "-h"}).mode, Mode::kHelp);
  EXPECT_EQ(parsed({"--version", "-i"}).mode, Mode::kVersion);
  EXPECT_EQ(parsed({"-V"}).mode, Mode::kVersion);
}

}  // namespace
}  // namespace matriarch::main
