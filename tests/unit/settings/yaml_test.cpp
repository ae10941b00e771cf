#include "settings/yaml.hpp"

#include <gmock/gmock.h>
#include <rapidcheck.h>

#include "settings_of.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

json::value value_of(std::string_view text) {
  auto document = parse_yaml(text, "test.yml");
  EXPECT_TRUE(document) << (document ? "" : to_text(document.error()));
  return document ? document->value : json::value();
}

std::string error_of(std::string_view text) {
  const auto document = parse_yaml(text, "test.yml");
  return document ? "no error: " + json::serialize(document->value) : to_text(document.error());
}

TEST(Yaml, MappingsListsAndScalars) {
  EXPECT_EQ(value_of("a: 1\nb: [x, 'on', on]\nc:\n  d: ~\n  e: {f: \"0644\"}\n"),
            json::parse(R"({"a":1,"b":["x","on",true],"c":{"d":null,"e":{"f":"0644"}}})"));
  EXPECT_EQ(value_of(""), json::value(nullptr));
  EXPECT_EQ(value_of("- a\n-\n- b"), json::parse(R"(["a",null,"b"])"));
  EXPECT_EQ(value_of("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), json::parse(R"({"a":"x\ny\n","b":"x y"})"));
}

TEST(Yaml, KeysAreTheTextAsWritten) { EXPECT_EQ(value_of("on: a\n010: b\n~: c\n"), json::parse(R"({"on":"a","010":"b","null":"c"})")); }

TEST(Yaml, AnchorsAliasesAndMergeKeys) {
  EXPECT_EQ(value_of("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\n"),
            json::parse(R"({"a":{"p":1,"q":2},"b":{"p":1,"q":2},"c":{"q":3,"p":1}})"));
  EXPECT_EQ(value_of("l: &l {a: 1, b: 1}\nr: &r {b: 2, c: 2}\nm: {<<: [*l, *r]}").at("m"), json::parse(R"({"a":1,"b":1,"c":2})"));
  EXPECT_EQ(value_of("a: &s text\nb: *s").at("b"), json::value("text"));
  EXPECT_EQ(value_of("a: &k key\n*k : v").at("key"), json::value("v"));
}

TEST(Yaml, Tags) {
  EXPECT_EQ(value_of("!!str on"), json::value("on"));
  EXPECT_EQ(value_of("a: !!str\nb: !!map {}\nc: !!seq []\nd: !!float 1"), json::parse(R"({"a":"","b":{},"c":[],"d":1.0})"));
  EXPECT_THAT(error_of("a: !python/object x"), HasSubstr("test.yml:1: has a tag that is not supported"));
  EXPECT_THAT(error_of("a: !foo [x]"), HasSubstr("not supported on a list"));
  EXPECT_THAT(error_of("a: !!set {x}"), HasSubstr("not supported on a mapping"));
  EXPECT_THAT(error_of("a: !!int x"), HasSubstr("does not fit its tag"));
}

TEST(Yaml, DuplicateKeysWarnAndTheLastCounts) {
  const auto document = parse_yaml("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n", "x.yml");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->value, json::parse(R"({"a":3,"b":{"c":2}})"));
  ASSERT_EQ(document->warnings.size(), 2u);
  EXPECT_EQ(to_text(document->warnings[0]), "warning: x.yml:4: b.c is given twice; the last one counts");
  EXPECT_EQ(document->warnings[1].path, "a");
}

TEST(Yaml, RemembersLines) {
  const auto document = parse_yaml("a: 1\nb:\n  - x\n  - y: 2\n", "x.yml");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->lines, (std::map<std::string, int>{{"a", 1}, {"b", 2}, {"b.0", 3}, {"b.1", 4}, {"b.1.y", 4}}));
}

TEST(Yaml, ErrorsNameFileAndLine) {
  EXPECT_THAT(error_of("a: 1\nb: [1, 2\nc: 3\n"), HasSubstr("test.yml:"));
  EXPECT_THAT(error_of("a: 1\nb: [1, 2\nc: 3\n"), HasSubstr("is not valid YAML"));
  EXPECT_THAT(error_of("a: b: c"), HasSubstr("test.yml:1: is not valid YAML"));
  EXPECT_THAT(error_of("a: 1\n---\nb: 2\n"), HasSubstr("more than one document"));
  EXPECT_THAT(error_of("a: ="), HasSubstr("bare ="));
  EXPECT_THAT(error_of("a: <<"), HasSubstr("bare <<"));
  EXPECT_THAT(error_of("<<: text"), HasSubstr("merges (<<) something that is not a mapping"));
  EXPECT_THAT(error_of("? [a]\n: b"), HasSubstr("as a key"));
  EXPECT_THAT(error_of("a: *nowhere"), HasSubstr("is not valid YAML"));
  EXPECT_THAT(error_of("a: &x [*x]"), HasSubstr("alias to a value that contains it"));
}

TEST(Yaml, BytesThatAreNoTextAreErrors) {
  EXPECT_THAT(error_of("a: \xff"), HasSubstr("is not UTF-8"));
  EXPECT_THAT(error_of("a: \xed\xa0\x80"), HasSubstr("is not UTF-8"));
  EXPECT_THAT(error_of("a: \xc0\x80"), HasSubstr("is not UTF-8"));
  EXPECT_THAT(error_of(std::string_view("a: \0", 4)), HasSubstr("control character (0x00)"));
  EXPECT_THAT(error_of("a: 1\n\x04\nb: 2"), HasSubstr("test.yml:2: has a control character"));
  EXPECT_EQ(value_of("\xEF\xBB\xBF" "a: \xC3\xA9").at("a"), json::value("\xC3\xA9"));
}

TEST(Yaml, ASecretIsNotInTheMessageOfAnError) {
  EXPECT_THAT(error_of("password: hunter2: x\n"), testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(error_of("password: \"hunter2\nx"), testing::Not(HasSubstr("hunter2")));
  EXPECT_THAT(error_of("password: !secret hunter2"), testing::Not(HasSubstr("hunter2")));
}

TEST(Yaml, DepthSizeAndAliasesAreBounded) {
  EXPECT_THAT(error_of(std::string(10'000, '[')), HasSubstr("error: test.yml"));
  EXPECT_THAT(error_of(std::string(100'000, '{')), HasSubstr("error: test.yml"));
  EXPECT_THAT(error_of(std::string(65, '[') + std::string(65, ']')), HasSubstr("nested deeper"));
  EXPECT_THAT(error_of("a: " + std::string((1 << 20) + 1, 'x')), HasSubstr("longer than"));
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    laughs += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  EXPECT_THAT(error_of(laughs), HasSubstr("more than 100000 values"));
  std::string long_text = fmt::format("a: &a {}\nb: [", std::string(100'000, 'x'));
  for (int i = 0; i < 200; ++i) long_text += "*a, ";
  EXPECT_THAT(error_of(long_text + "]"), HasSubstr("is too long, aliases expanded"));
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) chain += fmt::format("a{0}: &a{0} [*a{1}]\n", i, i - 1);
  EXPECT_THAT(error_of(chain), HasSubstr("nested deeper"));
}

TEST(YamlWriter, WritesBlocksWithSortedKeys) {
  const auto value = json::parse(R"({"b":[1,{"y":null,"x":["on",true]},[]],"a":{"k":"text","e":{}},"c":"10:20","d":1e20,"ü":"ä"})");
  EXPECT_EQ(to_yaml(value), "a:\n  e: {}\n  k: text\nb:\n- 1\n- x:\n  - 'on'\n  - true\n  y: null\n- []\nc: '10:20'\nd: 1.0e+20\nü: ä\n");
  EXPECT_EQ(to_yaml(json::parse(R"([[1,2],["a"]])")), "- - 1\n  - 2\n- - a\n");
}

TEST(YamlWriter, QuotesWhatWouldBeReadAsSomethingElse) {
  for (const char* text : {"on", "null", "", "0644", "1.5", "22:22", "=", "<<", "2024-01-01", "- x", "a: b", "a #b", "x:", "'q'", "*a", "&a", "!t", "@x",
                           "`x", "%x", "|", ">", "{a}", "[a]", "a, b", " a", "a ", "line\nline", "tab\t", "? x", "-", "---", "...", "#c", "\x01", "\xC2\x85",
                           "\xE2\x80\xA8", "\"", "\\", "it's", "-x", "--flag", "a:b", "x#y"}) {
    const json::value value{json::object{{"k", text}, {text, "v"}, {"l", json::array{text}}}};
    const auto back = parse_yaml(to_yaml(value), "x.yml");
    ASSERT_TRUE(back) << text << "\n" << to_yaml(value) << to_text(back.error());
    EXPECT_EQ(back->value, value) << to_yaml(value);
  }
}

rc::Gen<json::value> any_value(int depth) {
  const auto text = rc::gen::oneOf(rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab :#'\"\\-\n,[]{}&*!|>%@`?0123.eEon~_=<x"))),
                                   rc::gen::elementOf(std::vector<std::string>{"on", "null", "1e3", "0x1F", "\xC3\xA9", "\xE2\x82\xAC", "- a", "\xC2\x85"}));
  const auto scalar = rc::gen::oneOf(rc::gen::map(text, [](const std::string& t) { return json::value(json::string(t)); }),
                                     rc::gen::map(rc::gen::arbitrary<std::int64_t>(), [](std::int64_t n) { return json::value(n); }),
                                     rc::gen::map(rc::gen::arbitrary<double>(), [](double n) { return json::value(n); }),
                                     rc::gen::map(rc::gen::arbitrary<bool>(), [](bool b) { return json::value(b); }),
                                     rc::gen::just(json::value(nullptr)));
  if (depth == 0) return scalar;
  const auto list = rc::gen::map(rc::gen::container<std::vector<json::value>>(any_value(depth - 1)), [](const std::vector<json::value>& items) {
    return json::value(json::array(items.begin(), items.end()));
  });
  const auto mapping = rc::gen::map(rc::gen::container<std::map<std::string, json::value>>(text, any_value(depth - 1)),
                                    [](const std::map<std::string, json::value>& items) {
                                      json::object object;
                                      for (const auto& [key, value] : items) object[key] = value;
                                      return json::value(object);
                                    });
  return rc::gen::oneOf(scalar, list, mapping);
}

TEST(YamlWriter, WhatItWritesIsReadBackTheSame) {
  EXPECT_TRUE(rc::check("parse(to_yaml(v)) == v", [] {
    const json::value value = *rc::gen::resize(12, any_value(3));
    const auto back = parse_yaml(to_yaml(value), "x.yml");
    RC_LOG(to_yaml(value));
    RC_ASSERT(bool(back));
    RC_ASSERT(back->value == value);
    RC_ASSERT(back->warnings.empty());
  }));
}

}  // namespace
}  // namespace matriarch::settings
