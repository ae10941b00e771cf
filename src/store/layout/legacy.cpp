#include "store/layout/legacy.hpp"

#include <algorithm>

#include "store/layout/fields.hpp"

namespace matriarch::store::layout {
namespace {

std::optional<std::vector<std::uint64_t>> version_of(std::string_view text) {
  std::vector<std::uint64_t> parts;
  while (true) {
    const auto dot = text.find('.');
    const auto part = decimal(text.substr(0, dot));
    if (!part) return std::nullopt;
    parts.push_back(*part);
    if (dot == std::string_view::npos) return parts;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

bool has_member_before_2_1(const model::Cluster& cluster) {
  const std::vector<std::uint64_t> kFirst = {2, 1, 0};
  return std::any_of(cluster.members.begin(), cluster.members.end(), [&](const auto& entry) {
    const auto version = version_of(entry.second.version);
    return version && *version < kFirst;
  });
}

}  // namespace matriarch::store::layout
