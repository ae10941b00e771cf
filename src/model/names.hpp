// Names and counters that must not be mixed up with one another.
#pragma once

#include <compare>
#include <cstdint>
#include <fmt/format.h>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace matriarch::model {

template <typename T, typename E>
using Result = tl::expected<T, E>;

// A member's name: exact bytes, compared exactly, except in synchronous replication where PostgreSQL compares
// application_name without case.
struct MemberName {
  std::string text;
  MemberName() = default;
  explicit MemberName(std::string name) : text(std::move(name)) {}
  bool empty() const { return text.empty(); }
  auto operator<=>(const MemberName&) const = default;
};

// The store's version of one key (etcd: mod_revision). 0 = the key is absent.
struct Revision {
  std::int64_t value = 0;
  bool absent() const { return value == 0; }
  auto operator<=>(const Revision&) const = default;
};

// A PostgreSQL timeline. 0 = unknown.
struct Timeline {
  std::uint32_t value = 0;
  bool known() const { return value != 0; }
  auto operator<=>(const Timeline&) const = default;
};

// pg_control's system identifier as decimal text. Valid: at least ten digits and nothing else.
struct SystemId {
  std::string text;
  bool valid() const;
  auto operator<=>(const SystemId&) const = default;
};

}  // namespace matriarch::model

template <>
struct fmt::formatter<matriarch::model::MemberName> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const matriarch::model::MemberName& name, Context& context) const {
    return fmt::formatter<std::string>::format(name.text, context);
  }
};
template <>
struct fmt::formatter<matriarch::model::SystemId> : fmt::formatter<std::string> {
  template <typename Context>
  auto format(const matriarch::model::SystemId& id, Context& context) const {
    return fmt::formatter<std::string>::format(id.text, context);
  }
};
template <>
struct fmt::formatter<matriarch::model::Timeline> : fmt::formatter<std::uint32_t> {
  template <typename Context>
  auto format(matriarch::model::Timeline timeline, Context& context) const {
    return fmt::formatter<std::uint32_t>::format(timeline.value, context);
  }
};
template <>
struct std::hash<matriarch::model::MemberName> {
  std::size_t operator()(const matriarch::model::MemberName& name) const noexcept {
    return std::hash<std::string>{}(name.text);
  }
};
