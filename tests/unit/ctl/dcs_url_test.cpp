#include "ctl/dcs_url.hpp"

#include <gtest/gtest.h>

#include "unit/ctl/sample.hpp"

namespace matriarch::ctl {
namespace {

TEST(DcsUrl, IsRead) {
  struct {
    const char* text;
    DcsUrl url;
  } const rows[] = {
      {"", {"etcd", "localhost", 2379, ""}},
      {"db7", {"etcd", "db7", 2379, ""}},
      {"db7:8500", {"consul", "db7", 8500, ""}},
      {"db7:2181", {"zookeeper", "db7", 2181, ""}},
      {"db7:8181", {"exhibitor", "db7", 8181, ""}},
      {"db7:9999", {"etcd", "db7", 9999, ""}},
      {"etcd3://db7:2399/prod", {"etcd3", "db7", 2399, "/prod"}},
      {"zookeeper://", {"zookeeper", "localhost", 2181, ""}},
      {"etcd://:2399", {"etcd", "localhost", 2399, ""}},
      {"etcd3://u:p@db7/", {"etcd3", "db7", 2379, ""}},
      {"etcd3://[fe80::1]:2379/a/b?x=1", {"etcd3", "[fe80::1]", 2379, "/a/b"}},
      {"//db7", {"etcd", "db7", 2379, ""}},
  };
  for (const auto& row : rows) {
    const auto url = parse_dcs_url(row.text);
    ASSERT_TRUE(url) << row.text << ": " << url.error();
    EXPECT_EQ(*url, row.url) << row.text;
  }
}

TEST(DcsUrl, ErrorsNameTheThing) {
  struct {
    const char *text, *error;
  } const rows[] = {
      {"kubernetes://x", "Unknown dcs scheme: kubernetes"},
      {"raft://x", "Unknown dcs scheme: raft"},
      {"etcd3://h:port", "Bad port in store address etcd3://h:port: port"},
      {"h:99999", "Bad port in store address h:99999: 99999"},
      {"etcd3://fe80::1", "Bad store address fe80::1: put an IPv6 address in brackets"},
      {"etcd3://[fe80::1", "Bad store address [fe80::1: a bracket is not closed"},
  };
  for (const auto& row : rows) {
    const auto url = parse_dcs_url(row.text);
    ASSERT_FALSE(url) << row.text;
    EXPECT_EQ(url.error(), row.error);
  }
}

TEST(DcsUrl, ReplacesTheStoreAndKeepsItsSecrets) {
  auto configuration = object(R"({"scope":"x","etcd3":{"hosts":"a:1,b:2","username":"u","password":"p","cacert":"ca"},"consul":{"host":"c"},"raft":{"self_addr":"d"}})");
  apply_dcs_url(*parse_dcs_url("etcd3://db7:2399/prod"), configuration);
  EXPECT_EQ(configuration, object(R"({"scope":"x","etcd3":{"username":"u","password":"p","cacert":"ca","host":"db7:2399"},"namespace":"/prod"})"));
  apply_dcs_url(*parse_dcs_url("zookeeper://z"), configuration);
  EXPECT_EQ(configuration, object(R"({"scope":"x","namespace":"/prod","zookeeper":{"hosts":["z:2181"]}})"));
}

}  // namespace
}  // namespace matriarch::ctl
