#include "model/cluster.hpp"

#include <algorithm>
#include <cctype>

#include "model/letter_case.hpp"

namespace matriarch::model {
namespace {

// Text booleans are read the way PostgreSQL reads them; Patroni takes any text for true, which surprises people who
// wrote "false" (docs/compatibility.md).
bool is_truthy(const boost::json::value& value) {
  if (value.is_bool()) return value.as_bool();
  if (value.is_int64()) return value.as_int64() != 0;
  if (value.is_uint64()) return value.as_uint64() != 0;
  if (value.is_double()) return value.as_double() != 0;
  if (!value.is_string()) return !value.is_null();
  const std::string text = lower(std::string(value.as_string()));
  return !(text.empty() || text == "false" || text == "off" || text == "no" || text == "0");
}

std::optional<int> to_int(const boost::json::value& value) {
  if (value.is_int64()) return static_cast<int>(std::clamp<std::int64_t>(value.as_int64(), -1'000'000, 1'000'000));
  if (value.is_uint64()) return static_cast<int>(std::min<std::uint64_t>(value.as_uint64(), 1'000'000));
  if (value.is_double()) return static_cast<int>(std::clamp(value.as_double(), -1e6, 1e6));
  if (!value.is_string()) return std::nullopt;
  try {
    std::size_t used = 0;
    const std::string text(value.as_string());
    const int number = std::stoi(text, &used);
    if (used != text.size()) return std::nullopt;
    return number;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

bool tag_is_set(const boost::json::object& tags, std::string_view name) {
  const auto* value = tags.if_contains(name);
  return value && is_truthy(*value);
}

int priority_of(const boost::json::object& tags, std::string_view name) {
  const auto* value = tags.if_contains(name);
  if (!value) return 1;
  return to_int(*value).value_or(1);
}

// The boolean wins over the number; without it a number of 0 or less means "never".
bool is_excluded(const boost::json::object& tags, std::string_view flag, std::string_view priority) {
  if (const auto* value = tags.if_contains(flag); value && !value->is_null()) return is_truthy(*value);
  return priority_of(tags, priority) <= 0;
}

}  // namespace

bool Tags::nofailover() const { return is_excluded(custom, "nofailover", "failover_priority"); }
int Tags::failover_priority() const { return nofailover() ? 0 : std::max(priority_of(custom, "failover_priority"), 0); }
bool Tags::nosync() const { return is_excluded(custom, "nosync", "sync_priority"); }
int Tags::sync_priority() const { return nosync() ? 0 : std::max(priority_of(custom, "sync_priority"), 0); }
bool Tags::noloadbalance() const { return tag_is_set(custom, "noloadbalance"); }
bool Tags::clonefrom() const { return tag_is_set(custom, "clonefrom"); }
bool Tags::nostream() const { return tag_is_set(custom, "nostream"); }

std::optional<MemberName> Tags::replicatefrom() const {
  const auto* value = custom.if_contains("replicatefrom");
  if (!value || !value->is_string() || value->as_string().empty()) return std::nullopt;
  return MemberName(std::string(value->as_string()));
}

bool SyncKey::is_voter(const MemberName& name) const {
  return std::any_of(voters.begin(), voters.end(), [&](const MemberName& voter) { return equal_without_case(voter.text, name.text); });
}

bool SyncKey::is_leader_or_voter(const MemberName& name) const {
  return (active() && equal_without_case(leader.text, name.text)) || is_voter(name);
}

const Member* Cluster::find(const MemberName& name) const {
  const auto found = members.find(name);
  return found == members.end() ? nullptr : &found->second;
}

const Member* Cluster::leader_member() const { return leader ? find(leader->name) : nullptr; }

std::optional<SystemId> Cluster::system_id() const {
  if (!initialize) return std::nullopt;
  SystemId id{*initialize};
  if (!id.valid()) return std::nullopt;
  return id;
}

Timeline Cluster::timeline() const {
  if (!history) return {};
  if (history->is_empty_list) return Timeline{1};
  if (history->lines.empty()) return {};
  return Timeline{history->lines.back().timeline.value + 1};
}

namespace {
bool differ_only_in_positions(const Member& a, const Member& b) {
  return a.name == b.name && a.session == b.session && a.conn_url == b.conn_url && a.api_url == b.api_url && a.state == b.state && a.role == b.role &&
         a.version == b.version && a.tags == b.tags && a.timeline == b.timeline && a.checkpoint_after_promote_done == b.checkpoint_after_promote_done &&
         a.paused == b.paused;
}
}  // namespace

bool differ_only_in_positions(const Cluster& a, const Cluster& b) {
  const auto config_revision = [](const Cluster& cluster) { return cluster.config ? cluster.config->revision : Revision{}; };
  return a.initialize == b.initialize && a.initialize_revision == b.initialize_revision && config_revision(a) == config_revision(b) &&
         a.leader == b.leader && a.failover == b.failover && a.failover_revision == b.failover_revision && a.sync == b.sync && a.history == b.history &&
         a.failsafe == b.failsafe &&
         std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(),
                    [](const auto& x, const auto& y) { return differ_only_in_positions(x.second, y.second); });
}

}  // namespace matriarch::model
