#include "settings/address.hpp"

#include <gtest/gtest.h>

namespace matriarch::settings {
namespace {

using model::HostPort;

struct AddressCase {
  const char* text;
  std::uint16_t default_port;
  std::optional<HostPort> expected;
};

TEST(Address, HostsAndPort) {
  const AddressCase rows[] = {
      {"h", 5432, HostPort{"h", 5432}},
      {"*:5432", 5432, HostPort{"*", 5432}},
      {"127.0.0.1,192.168.0.1:5400", 5432, HostPort{"127.0.0.1,192.168.0.1", 5400}},
      {"[::1]:5432", 1, HostPort{"::1", 5432}},
      {"::1:5432", 1, HostPort{"::1", 5432}},
      {"[fe80::1],127.0.0.1:5433", 5432, HostPort{"fe80::1,127.0.0.1", 5433}},
      {"::1", 5432, HostPort{"::1", 5432}},
      {"fe80::2", 5432, HostPort{"fe80::2", 5432}},
      {"1:2:3:4:5:6:7:8", 5432, HostPort{"1:2:3:4:5:6:7:8", 5432}},
      {"[::1]", 5432, HostPort{"::1", 5432}},
      {":8008", 0, HostPort{"", 8008}},
      {"h", 0, std::nullopt},
      {"h:", 5432, std::nullopt},
      {"h:port", 5432, std::nullopt},
      {"h:70000", 5432, std::nullopt},
      {"h:-1", 5432, std::nullopt},
      {"", 5432, std::nullopt},
      {" a , b:1", 5432, HostPort{"a,b", 1}},
  };
  for (const AddressCase& row : rows) EXPECT_EQ(parse_host_port(row.text, row.default_port), row.expected) << row.text;
}

TEST(Address, Urls) {
  EXPECT_EQ(parse_url("http://h", 2379), (Url{false, "", "", {"h", 2379}}));
  EXPECT_EQ(parse_url("https://u:p%40ss@h:1/path?q", 2379), (Url{true, "u", "p@ss", {"h", 1}}));
  EXPECT_EQ(parse_url("https://[::1]:1", 2379), (Url{true, "", "", {"::1", 1}}));
  for (const char* bad : {"h:1", "ftp://h", "http://", "http://h:x", "http://u%4@h", "http://@"}) EXPECT_EQ(parse_url(bad, 1), std::nullopt) << bad;
}

TEST(Address, ListsAreTrimmed) { EXPECT_EQ(split_list(" a ,b,, c"), (std::vector<std::string>{"a", "b", "", "c"})); }

}  // namespace
}  // namespace matriarch::settings
