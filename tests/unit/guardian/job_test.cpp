#include "guardian/job.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "guardian/records.hpp"

namespace matriarch::guardian {
namespace {

using namespace std::string_literals;

Job a_job() {
  return {.run_directory = "/run/matriarch/demo-n1",
          .data_directory = "/var/lib/postgresql/15/main",
          .program = "/usr/lib/matriarch/matriarch-guardian",
          .agent = {"/usr/bin/matriarch", "agent", "--config", "a file\nwith = everything\""},
          .store = {"/usr/bin/matriarch", "store"},
          .stop_limit = std::chrono::seconds(90),
          .max_ttl = std::chrono::minutes(5),
          .realtime_priority = 7};
}

std::string complaint_about(const std::string& text) {
  const auto job = parse_job(text);
  return job ? "" : job.error();
}

TEST(Job, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_job(serialize(a_job())), a_job());
  auto without_store = a_job();
  without_store.store.clear();
  EXPECT_EQ(parse_job(serialize(without_store)), without_store);
}

TEST(Job, AnythingMissingIsNamed) {
  const auto without = [](auto member) {
    auto job = a_job();
    (job.*member).clear();
    return complaint_about(serialize(job));
  };
  EXPECT_EQ(without(&Job::run_directory), "run_directory is not an absolute path");
  EXPECT_EQ(without(&Job::data_directory), "data_directory is not an absolute path");
  EXPECT_EQ(without(&Job::program), "program is not an absolute path");
  EXPECT_EQ(without(&Job::agent), "agent is not an absolute path");
}

TEST(Job, AnythingWrongIsNamedWithItsValue) {
  const std::string good = serialize(a_job());
  EXPECT_EQ(complaint_about(good + "colour=blue\0"s), "'colour' is not known to this guardian");
  EXPECT_EQ(complaint_about(good + "stop_limit_ms=soon\0"s), "stop_limit_ms is 'soon', not a number from 0 to 2592000000");
  EXPECT_EQ(complaint_about(good + "realtime_priority=100\0"s), "realtime_priority is '100', not a number from 0 to 99");
  EXPECT_EQ(complaint_about(good + "max_ttl_ms=\0"s), "max_ttl_ms is '', not a number from 1 to 2592000000");
  EXPECT_EQ(complaint_about(good + "nothing\0"s), "the record 'nothing' has no '='");
  EXPECT_EQ(complaint_about(good + "cut"), "it is cut off: the last record has no end");
  EXPECT_EQ(complaint_about("hello\0"s), "it begins with 'hello', not with 'matriarch job 1'");
  EXPECT_EQ(complaint_about(""), "it is cut off: the last record has no end");
}

TEST(Launch, IsReadAsItWasWritten) {
  const Launch launch{.argv = {"/usr/lib/postgresql/15/bin/postgres", "-D", "/data"},
                      .environment = {"A=1", "EMPTY=", "EQUALS=a=b"},
                      .working_directory = "/"};
  EXPECT_EQ(parse_launch(serialize(launch)), launch);
}

TEST(Launch, NeedsAProgram) {
  EXPECT_FALSE(parse_launch(serialize(Launch{})));
  EXPECT_TRUE(parse_launch(serialize(Launch{.argv = {"postgres"}})));
  EXPECT_FALSE(parse_launch(serialize(Launch{.argv = {"bin/postgres"}})));
  EXPECT_FALSE(parse_launch(serialize(Launch{.argv = {"/postgres"}, .environment = {"no equals sign"}})));
}

RC_GTEST_PROP(JobProperty, WhatIsNotNulSurvives, ()) {
  auto argument = *rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127));
  auto job = a_job();
  job.agent.push_back(argument);
  RC_ASSERT(parse_job(serialize(job)) == job);
}

RC_GTEST_PROP(JobProperty, AnyBytesYieldAJobOrAComplaint, ()) {
  std::string text = serialize(a_job());
  const int changes = *rc::gen::inRange(1, 10);
  for (int i = 0; i < changes; ++i) {
    text[*rc::gen::inRange<std::size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  }
  text.resize(*rc::gen::inRange<std::size_t>(0, text.size() + 1));
  const auto job = parse_job(text);
  RC_ASSERT(job.has_value() || !job.error().empty());
}

}  // namespace
}  // namespace matriarch::guardian
