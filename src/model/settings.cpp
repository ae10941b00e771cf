#include "model/settings.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace matriarch::model {
namespace {

// Code points of UTF-8 text; a byte that is not UTF-8 stands for itself.
std::vector<std::uint32_t> code_points(std::string_view text) {
  std::vector<std::uint32_t> points;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 0x6 ? 2 : lead >> 4 == 0xE ? 3 : lead >> 3 == 0x1E ? 4 : 1;
    std::uint32_t point = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < text.size(); ++k) point = (point << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3Fu);
    points.push_back(point);
    i += length;
  }
  return points;
}

std::string collapse_slashes(const std::string& path) {
  std::string result;
  for (const char c : path) {
    if (c != '/' || result.empty() || result.back() != '/') result += c;
  }
  return result;
}

}  // namespace

std::string RestSettings::api_url() const {
  const bool is_ipv6 = connect_address.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}/patroni", tls.enabled() ? "https" : "http", is_ipv6 ? "[" : "", connect_address.host,
                     is_ipv6 ? "]" : "", connect_address.port);
}

std::string Settings::key_prefix() const { return collapse_slashes(fmt::format("/{}/{}/", name_space, scope)); }

std::vector<ReplicaMethod> methods_for_remote(const Settings& settings) {
  const auto& node = settings.postgresql;
  if (!settings.dynamic.standby_cluster) return node.create_replica_methods;
  std::vector<ReplicaMethod> methods;
  for (const auto& name : settings.dynamic.standby_cluster->create_replica_methods) {
    ReplicaMethod method{.name = name};
    for (const auto* known : {&node.create_replica_methods, &node.spare_replica_methods}) {
      const auto found = std::find_if(known->begin(), known->end(), [&](const auto& one) { return one.name == name; });
      if (found != known->end()) method = *found;
    }
    methods.push_back(std::move(method));
  }
  return methods;
}

std::string slot_name_of(const MemberName& name) {
  std::string slot;
  for (const std::uint32_t point : code_points(name.text)) {
    if (point >= 'A' && point <= 'Z') {
      slot += static_cast<char>(point - 'A' + 'a');
    } else if ((point >= 'a' && point <= 'z') || (point >= '0' && point <= '9') || point == '_') {
      slot += static_cast<char>(point);
    } else if (point == '-' || point == '.') {
      slot += '_';
    } else {
      slot += fmt::format("u{:04}", point);
    }
  }
  return slot.substr(0, 63);
}

}  // namespace matriarch::model
