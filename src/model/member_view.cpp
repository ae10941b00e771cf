#include "model/member_view.hpp"

#include <algorithm>
#include <charconv>

#include "model/json_merge.hpp"
#include "model/json_text.hpp"
#include "model/quantity.hpp"

namespace matriarch::model {
namespace {

bool is_empty(const boost::json::value& value) {
  if (value.is_null()) return true;
  if (value.is_string()) return value.get_string().empty();
  if (value.is_int64()) return value.get_int64() == 0;
  if (value.is_uint64()) return value.get_uint64() == 0;
  if (value.is_bool()) return !value.get_bool();
  return false;
}

bool is_standby_cluster(const boost::json::object& document) {
  const auto* section = document.if_contains("standby_cluster");
  if (!section || !section->is_object()) return false;
  const auto& keys = section->get_object();
  return std::any_of(keys.begin(), keys.end(), [](const auto& member) {
    const std::string_view key(member.key());
    return (key == "host" || key == "port" || key == "restore_command") && !is_empty(member.value());
  });
}

SynchronousMode synchronous_mode(const boost::json::object& document) {
  const auto* value = document.if_contains("synchronous_mode");
  if (!value) return SynchronousMode::kOff;
  if (to_boolean(*value).value_or(false)) return SynchronousMode::kOn;
  std::string text = comparison_text(*value);
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text == "quorum" ? SynchronousMode::kQuorum : SynchronousMode::kOff;
}

Milliseconds loop_wait(const boost::json::object& document) {
  const auto* value = document.if_contains("loop_wait");
  if (!value) return Milliseconds{10'000};
  const auto seconds = parse_real(comparison_text(*value), "s");
  if (!seconds || *seconds <= 0 || *seconds > 1e6) return Milliseconds{10'000};
  return Milliseconds{static_cast<std::int64_t>(*seconds * 1000)};
}

std::optional<std::uint64_t> number_of(const boost::json::object& data, std::string_view key) {
  const auto* value = data.if_contains(key);
  if (!value) return std::nullopt;
  if (value->is_uint64()) return value->get_uint64();
  if (value->is_int64() && value->get_int64() >= 0) return static_cast<std::uint64_t>(value->get_int64());
  return std::nullopt;
}

std::optional<std::uint16_t> to_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<HostPort> address_of(const Member& member) {
  const auto* kwargs = member.data.if_contains("conn_kwargs");
  if (!kwargs || !kwargs->is_object()) return address_of_conn_url(member.conn_url);
  const auto host = text_at(kwargs->get_object(), "host");
  if (host.empty()) return address_of_conn_url(member.conn_url);
  const auto* port = kwargs->get_object().if_contains("port");
  return HostPort{host, port ? to_port(comparison_text(*port)).value_or(std::uint16_t{5432}) : std::uint16_t{5432}};
}

std::optional<PublishedPosition> position(const Member& member, std::string_view key, Lsn leader) {
  const Lsn lsn{number_of(member.data, key).value_or(0)};
  if (!lsn.known()) return std::nullopt;
  return PublishedPosition{lsn, bytes_behind(lsn, leader)};
}

MemberRole role_of(const Cluster& cluster, const ClusterModes& modes, const MemberName& name) {
  if (cluster.is_led_by(name)) return modes.standby_cluster ? MemberRole::kStandbyLeader : MemberRole::kLeader;
  if (modes.synchronous == SynchronousMode::kOff || !cluster.sync.is_voter(name)) return MemberRole::kReplica;
  return modes.synchronous == SynchronousMode::kQuorum ? MemberRole::kQuorumStandby : MemberRole::kSyncStandby;
}

MemberView describe(const Cluster& cluster, const ClusterModes& modes, const Member& member) {
  MemberView view{.member = &member, .role = role_of(cluster, modes, member.name), .holds_leader_key = cluster.is_led_by(member.name)};
  if (view.role != MemberRole::kLeader) view.state = text_at(member.data, "replication_state");
  if (view.state.empty()) view.state = text_at(member.data, "state");
  view.address = address_of(member);
  if (const auto timeline = number_of(member.data, "timeline")) view.timeline = static_cast<std::int64_t>(*timeline);
  if (view.holds_leader_key) return view;
  view.received = position(member, "receive_lsn", cluster.status.optime);
  view.replayed = position(member, "replay_lsn", cluster.status.optime);
  view.location = position(member, "xlog_location", cluster.status.optime);
  return view;
}

}  // namespace

std::optional<bool> to_boolean(const boost::json::value& value) {
  if (value.is_bool()) return value.get_bool();
  if (value.is_string() || value.is_int64() || value.is_uint64()) return parse_boolean(comparison_text(value));
  return std::nullopt;
}

ClusterModes modes_of(const boost::json::object& document) {
  const auto* pause = document.if_contains("pause");
  const bool standby = is_standby_cluster(document);
  return {.paused = pause && to_boolean(*pause).value_or(false),
          .synchronous = standby ? SynchronousMode::kOff : synchronous_mode(document),
          .standby_cluster = standby,
          .loop_wait = loop_wait(document)};
}

ClusterModes modes_of(const Cluster& cluster) {
  return cluster.config ? modes_of(cluster.config->document) : ClusterModes{};
}

std::string_view to_text(MemberRole role) {
  switch (role) {
    case MemberRole::kLeader: return "leader";
    case MemberRole::kStandbyLeader: return "standby_leader";
    case MemberRole::kSyncStandby: return "sync_standby";
    case MemberRole::kQuorumStandby: return "quorum_standby";
    case MemberRole::kReplica: return "replica";
  }
  return "replica";
}

std::vector<MemberView> describe_members(const Cluster& cluster) {
  const ClusterModes modes = modes_of(cluster);
  std::vector<MemberView> views;
  for (const auto& [name, member] : cluster.members) views.push_back(describe(cluster, modes, member));
  return views;
}

std::optional<HostPort> address_of_conn_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  std::string_view authority = url.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?#"));
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) authority.remove_prefix(at + 1);
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (port.starts_with(':')) port.remove_prefix(1);
  } else if (const auto colon = authority.rfind(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
  }
  if (host.empty()) return std::nullopt;
  const auto number = port.empty() ? std::uint16_t{5432} : to_port(port);
  if (!number) return std::nullopt;
  return HostPort{std::string(host), *number};
}

}  // namespace matriarch::model
