// conformance --store=etcd|embedded [--gtest_...]
#include <gtest/gtest.h>

#include <cstdio>
#include <string_view>

#include "conformance/servers.hpp"

int main(int argc, char** argv) {
  using matriarch::conformance::Kind;
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2 || (std::string_view(argv[1]) != "--store=etcd" && std::string_view(argv[1]) != "--store=embedded")) {
    std::fprintf(stderr, "usage: %s --store=etcd|embedded\n", argv[0]);
    return 2;
  }
  matriarch::conformance::set_kind_under_test(std::string_view(argv[1]) == "--store=etcd" ? Kind::kEtcd : Kind::kEmbedded);
  return RUN_ALL_TESTS();
}
