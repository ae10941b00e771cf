// The cluster of the examples in docs/ctl.md.
#pragma once

#include <string>
#include <string_view>

#include "model/cluster.hpp"
#include "model/json_text.hpp"

namespace matriarch::ctl {

inline boost::json::object object(std::string_view text) { return model::read_json(text).value().as_object(); }

inline void add_member(model::Cluster& cluster, std::string name, std::string_view data) {
  model::Member member;
  member.name = model::MemberName(std::move(name));
  member.data = object(data);
  const auto text = [&](const char* key) {
    const auto* value = member.data.if_contains(key);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
  };
  member.state = text("state");
  member.role = text("role");
  member.conn_url = text("conn_url");
  member.api_url = text("api_url");
  if (const auto* tags = member.data.if_contains("tags")) member.tags.custom = tags->as_object();
  cluster.members[member.name] = member;
}

inline model::Cluster sample_cluster() {
  model::Cluster cluster;
  cluster.initialize = "7405219873312204410";
  cluster.config = model::ConfigKey{object(R"({"ttl":30,"loop_wait":10})"), true, model::Revision{3}};
  cluster.leader = model::LeaderKey{model::MemberName("pg-a")};
  cluster.status.optime = model::Lsn{0x1A2000028};
  add_member(cluster, "pg-a", R"({"conn_url":"postgres://192.0.2.11:5432/postgres","api_url":"http://192.0.2.11:8008/patroni","state":"running","role":"primary","timeline":8,"xlog_location":7012876328})");
  add_member(cluster, "pg-b", R"({"conn_url":"postgres://192.0.2.12:5432/postgres","api_url":"http://192.0.2.12:8008/patroni","state":"running","role":"replica","replication_state":"streaming","timeline":8,"receive_lsn":7012876328,"replay_lsn":7012876328,"xlog_location":7012876328})");
  add_member(cluster, "pg-c", R"({"conn_url":"postgres://192.0.2.13:5432/postgres","api_url":"http://192.0.2.13:8008/patroni","state":"running","role":"replica","replication_state":"streaming","timeline":8,"receive_lsn":7012876328,"replay_lsn":7005116866,"xlog_location":7012876328})");
  add_member(cluster, "pg-d", R"({"conn_url":"postgres://192.0.2.14:5432/postgres","api_url":"http://192.0.2.14:8008/patroni","state":"running","role":"replica","replication_state":"in archive recovery","timeline":8,"replay_lsn":6341787688,"xlog_location":6341787688})");
  return cluster;
}

}  // namespace matriarch::ctl
