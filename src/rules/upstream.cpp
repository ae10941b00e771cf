#include "rules/upstream.hpp"

#include <functional>
#include <set>
#include <vector>

#include "rules/facts.hpp"

namespace matriarch::rules {

using model::Member;
using model::MemberName;
using model::Upstream;

std::optional<Address> address_in(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  std::string_view host = url, port = "5432";
  if (url.starts_with('[')) {
    const auto end = url.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = url.substr(1, end - 1);
    if (end + 1 < url.size() && url[end + 1] == ':') port = url.substr(end + 2);
  } else if (const auto colon = url.rfind(':'); colon != std::string_view::npos) {
    host = url.substr(0, colon);
    port = url.substr(colon + 1);
  }
  if (host.empty()) return std::nullopt;
  return Address{std::string(host), port.empty() ? "5432" : std::string(port)};
}

Upstream remote_member(const Situation& s) {
  const auto& remote = *s.seen.dynamic().standby_cluster;
  return {.host = remote.host, .port = remote.port, .slot = remote.primary_slot_name.value_or(std::string()),
          .restore_command = remote.restore_command, .archive_cleanup_command = remote.archive_cleanup_command,
          .recovery_min_apply_delay = remote.recovery_min_apply_delay, .remote = true};
}

namespace {

// Commands come from the configuration alone, never from what a member published (docs/invariants.md S22).
std::optional<Upstream> connection_to(const Situation& s, const Member* member) {
  if (!member || member->name == me(s)) return std::nullopt;
  const auto address = address_in(member->conn_url);
  if (!address) return std::nullopt;
  Upstream upstream{.name = member->name, .host = address->host, .port = address->port};
  if (s.seen.dynamic().use_slots) upstream.slot = model::slot_name_of(me(s));
  if (const auto& remote = s.seen.dynamic().standby_cluster) {
    upstream.restore_command = remote->restore_command;
    upstream.archive_cleanup_command = remote->archive_cleanup_command;
  }
  return upstream;
}

bool is_usable(const Member* member) { return member && (member->is_running() || member->state == "starting"); }

// Following "replicatefrom" from this member on must not lead back to me.
bool leads_back_to_me(const Situation& s, const Member* member) {
  std::set<MemberName> passed;
  while (member && passed.insert(member->name).second) {
    const auto next = member->tags.replicatefrom();
    if (!next) return false;
    if (*next == me(s)) return true;
    member = cluster(s).find(*next);
  }
  return member != nullptr;  // a loop among others does not end at a leader either
}

}  // namespace

std::optional<Upstream> upstream_for(const Situation& s) {
  if (my_tags(s).nostream()) return std::nullopt;
  if (in_standby_cluster(s) && (has_lock(s) || (unlocked(s) && !paused(s)))) return remote_member(s);
  if (const auto wanted = my_tags(s).replicatefrom(); wanted && *wanted != me(s)) {
    const Member* member = cluster(s).find(*wanted);
    const bool is_leader = cluster(s).is_led_by(*wanted);
    if (is_usable(member) && (is_leader || !leads_back_to_me(s, member))) return connection_to(s, member);
  }
  return connection_to(s, cluster(s).leader_member());
}

const Member* clone_source(const Situation& s) {
  std::vector<const Member*> offers;
  for (const auto& [name, member] : cluster(s).members) {
    const bool is_other = name != me(s) && !cluster(s).is_led_by(name);
    if (is_other && member.tags.clonefrom() && member.is_running() && !member.conn_url.empty()) offers.push_back(&member);
  }
  if (!offers.empty()) return offers[std::hash<MemberName>{}(me(s)) % offers.size()];
  const Member* leader = cluster(s).leader_member();
  return leader && !leader->conn_url.empty() && leader->name != me(s) ? leader : nullptr;
}

bool same_connection(const Upstream& a, const Upstream& b) {
  if (a.host.empty() || b.host.empty()) return !a.name.empty() && a.name == b.name;  // known by name alone
  return a.host == b.host && a.port == b.port && a.slot == b.slot && a.restore_command == b.restore_command &&
         a.archive_cleanup_command == b.archive_cleanup_command && a.recovery_min_apply_delay == b.recovery_min_apply_delay;
}

}  // namespace matriarch::rules
