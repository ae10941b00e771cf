// The records of one cluster as every store holds them: names below the cluster's prefix, bytes, versions.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/names.hpp"

namespace matriarch::store::layout {

struct Record {
  std::string value;
  std::int64_t mod_revision = 0;
  std::int64_t session = 0;  // 0: permanent
  bool operator==(const Record&) const = default;
};

// By name below the prefix: "leader", "members/pg1", ...
using Records = std::map<std::string, Record, std::less<>>;

inline constexpr std::string_view kInitialize = "initialize";
inline constexpr std::string_view kConfig = "config";
inline constexpr std::string_view kLeader = "leader";
inline constexpr std::string_view kStatus = "status";
inline constexpr std::string_view kLegacyOptime = "optime/leader";
inline constexpr std::string_view kMembers = "members/";
inline constexpr std::string_view kFailover = "failover";
inline constexpr std::string_view kHistory = "history";
inline constexpr std::string_view kSync = "sync";
inline constexpr std::string_view kFailsafe = "failsafe";

inline std::string member_record(const model::MemberName& name) { return std::string(kMembers) + name.text; }

// "members/pg1" -> pg1; nothing for any other name, deeper ones included.
std::optional<model::MemberName> member_of(std::string_view record);

}  // namespace matriarch::store::layout
