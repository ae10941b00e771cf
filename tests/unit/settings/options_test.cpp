#include "settings/options.hpp"

#include <gmock/gmock.h>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kForbidden[] = {"pgdata", "pwfile"};

ParsedOptions options_of(std::string_view yaml) { return parse_options(object_of(yaml).at("x"), "initdb", kForbidden); }

TEST(Options, FromAList) {
  const auto parsed = options_of("x: [data-checksums, {encoding: UTF8}, locale=C]");
  EXPECT_THAT(parsed.options, ElementsAre("--data-checksums", "--encoding=UTF8", "--locale=C"));
  EXPECT_THAT(parsed.errors, IsEmpty());
}

TEST(Options, FromAMappingSkipsFalsyValues) {
  EXPECT_THAT(options_of("x: {a: b, c: '', d: null, e: false, '': f}").options, ElementsAre("--a=b"));
}

TEST(Options, NumbersAndBooleansAreValues) {
  EXPECT_THAT(options_of("x: {max-rate: 200, verbose: true}").options, ElementsAre("--max-rate=200", "--verbose"));
  EXPECT_THAT(options_of("x: [{jobs: 4}]").options, ElementsAre("--jobs=4"));
}

TEST(Options, OneQuotedWordLosesItsQuotes) {
  EXPECT_THAT(options_of("x: {foo: \"'bar baz'\"}").options, ElementsAre("--foo=bar baz"));
  EXPECT_THAT(options_of("x: {foo: '\"a\"'}").options, ElementsAre("--foo=a"));
  EXPECT_THAT(options_of("x: {foo: bar baz}").options, ElementsAre("--foo=bar baz"));
  EXPECT_THAT(options_of("x: {foo: \"it's\"}").options, ElementsAre("--foo=it's"));
}

TEST(Options, ForbiddenOnesAreNamedAndLeftOut) {
  const auto parsed = options_of("x: [pgdata=/tmp, {pwfile: /x}, encoding=UTF8]");
  EXPECT_THAT(parsed.options, ElementsAre("--encoding=UTF8"));
  EXPECT_THAT(parsed.errors, ElementsAre("pgdata option for initdb is not allowed", "pwfile option for initdb is not allowed"));
}

TEST(Options, OtherShapesAreErrors) {
  EXPECT_THAT(options_of("x: text").errors, ElementsAre("initdb options must be list or dict"));
  EXPECT_THAT(options_of("x: [{a: b, c: d}]").errors, ElementsAre(HasSubstr("Error when parsing initdb key-value option")));
  EXPECT_THAT(options_of("x: [{a: [b]}]").errors, ElementsAre(HasSubstr("Error when parsing initdb key-value option a")));
  EXPECT_THAT(options_of("x: [[a]]").options, IsEmpty());
}

}  // namespace
}  // namespace matriarch::settings
