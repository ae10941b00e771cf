// What operators ask of a store: who is in the cluster, take one out, move leadership, keys to a file and back.
#include <fmt/format.h>

#include <optional>
#include <set>

#include "consensus/server/call.hpp"
#include "consensus/server/translate.hpp"

namespace matriarch::consensus::server {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace machine;
using membership::Reply;

namespace {

net::HttpResponse response_for(const Reply& reply) {
  switch (reply.verdict) {
    case Reply::Verdict::kDone: return ok({{"done", true}});
    case Reply::Verdict::kNotLeader: return to_response({RpcCode::kUnavailable, "no leader was found: " + reply.reason});
    case Reply::Verdict::kUnknown: return to_response({RpcCode::kUnavailable, "it is not known whether it was done: " + reply.reason});
    case Reply::Verdict::kRefused: return to_response({RpcCode::kFailedPrecondition, reply.reason});
    case Reply::Verdict::kTryLater: return to_response({RpcCode::kUnavailable, "not possible at the moment: " + reply.reason});
  }
  return to_response({RpcCode::kUnknown, "?"});
}

constexpr std::chrono::milliseconds kLookTime{700};

json::object render_done(const Answer&, Revision) { return {{"done", true}}; }

// By name, by address, or by the id as it is printed.
const MemberReport* find_member(const std::vector<MemberReport>& members, const std::string& wanted) {
  for (const auto& report : members) {
    if (report.name == wanted || report.member.address == wanted || fmt::format("{:x}", report.member.id) == wanted) {
      return &report;
    }
  }
  return nullptr;
}

}  // namespace

namespace {

// Of a node that still looks for its cluster.
json::object status_of_newcomer(const consensus::Node& node) {
  const auto obstacle = node.obstacle();
  return {{"cluster_id", "0"},
          {"node", {{"id", fmt::format("{:x}", node.id())}, {"name", node.settings().name}, {"state", "no member yet"}}},
          {"has_leader", false},
          {"obstacle", obstacle.empty() ? "it is starting" : obstacle},
          {"members", json::array()}};
}

}  // namespace

// With "look": true a node that does not lead asks the others whether they are there, which takes a moment.
Api::Handled Api::store_status(Call& call) {
  if (!node_.is_member()) co_return ok(status_of_newcomer(node_));
  std::optional<std::set<std::uint64_t>> reachable;
  const bool leads = node_.status().state == raft::State::kLeader;
  if (!leads && call.fields().flag("look")) reachable = co_await node_.reachable_members(kLookTime);
  const auto status = node_.status();
  const auto seen = status.state == raft::State::kLeader ? node_.seen() : std::vector<membership::Seen>();
  json::array members;
  for (const auto& report : node_.members()) {
    json::object member{{"id", fmt::format("{:x}", report.member.id)},
                        {"name", report.name},
                        {"address", report.member.address},
                        {"role", raft::to_string(report.member.role)},
                        {"leader", report.is_leader},
                        {"witness", report.is_witness}};
    if (reachable) member["alive"] = reachable->contains(report.member.id);
    for (const auto& one : seen) {
      if (one.member.id != report.member.id) continue;
      member["alive"] = one.is_alive;
      member["caught_up"] = one.is_caught_up;
      member["behind"] = one.behind;
    }
    members.push_back(std::move(member));
  }
  const auto& machine = node_.machine();
  const json::object body{{"cluster_id", fmt::format("{:x}", node_.cluster_id())},
                          {"node", {{"id", fmt::format("{:x}", node_.id())},
                                    {"name", node_.settings().name},
                                    {"state", raft::to_string(status.state)}}},
                          {"term", status.term},
                          {"has_leader", status.leader_id != 0},
                          {"changing", status.is_changing_members},
                          {"election_timeout_ms", node_.pace().election_timeout.count()},
                          {"heartbeat_ms", node_.pace().heartbeat.count()},
                          {"commit_index", status.commit_index},
                          {"applied_index", status.applied_index},
                          {"revision", machine.revision()},
                          {"keys", machine.key_count()},
                          {"bytes", machine.bytes()},
                          {"leases", machine.leases().size()},
                          {"feature_level", machine.feature_level()},
                          {"members", std::move(members)}};
  co_return ok(body);
}

Api::Handled Api::store_remove(Call& call) {
  const auto wanted = call.fields().text("member");
  const auto members = node_.members();
  const auto* report = find_member(members, wanted);
  if (report == nullptr) {
    co_return to_response({RpcCode::kNotFound, fmt::format("no member has the name, address or id '{}'", wanted)});
  }
  const auto reply = co_await node_.remove_member(report->member.id, call.deadline);
  co_return response_for(reply);
}

Api::Handled Api::store_transfer(Call& call) {
  const auto wanted = call.fields().text("member");
  const auto members = node_.members();
  const auto* report = find_member(members, wanted);
  if (report == nullptr) {
    co_return to_response({RpcCode::kNotFound, fmt::format("no member has the name, address or id '{}'", wanted)});
  }
  const auto reply = co_await node_.transfer_leadership(report->member.id, call.deadline);
  co_return response_for(reply);
}

Api::Handled Api::store_add(Call& call) {
  const auto address = call.fields().text("address");
  const auto reply = co_await node_.invite(address, call.deadline);
  co_return response_for(reply);
}

Api::Handled Api::store_snapshot(Call& call) {
  const Transaction nothing;
  const auto read = co_await node_.read(nothing, call.deadline);
  if (!read) co_return to_response(error_of(read.error()));
  co_return net::HttpResponse{.status = 200,
                              .headers = {{"Content-Type", "application/octet-stream"}},
                              .body = node_.machine().snapshot()};
}

Api::Handled Api::store_restore(Call& call) {
  const auto snapshot = Machine::from_snapshot(call.request.body);
  if (!snapshot) co_return to_response(bad_request("the snapshot cannot be used: " + snapshot.error()));
  Command command{.body = RestoreKeys{.snapshot = call.request.body}};
  co_return co_await carry_out(std::move(command), call, render_done);
}

}  // namespace matriarch::consensus::server
