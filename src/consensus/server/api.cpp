#include "consensus/server/api.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "consensus/client_urls.hpp"
#include "consensus/membership/identity.hpp"
#include "consensus/server/call.hpp"
#include "consensus/server/translate.hpp"
#include "net/base64.hpp"

namespace matriarch::consensus::server {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace machine;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 5s;      // of a client that names none
constexpr auto kMostPatience = 60s;
// etcd's client libraries choose their dialect by these.
constexpr const char* kVersion = "3.5.0";

// "500m": milliseconds; also n, u, S, M, H (gRPC over HTTP/2, "Timeout").
std::optional<Clock::duration> parse_timeout(std::string_view text) {
  std::int64_t amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc{} || amount < 0 || end + 1 != text.data() + text.size()) return std::nullopt;
  constexpr std::int64_t kLong = 1'000'000'000;
  amount = std::min(amount, kLong);
  switch (*end) {
    case 'n': return std::chrono::nanoseconds(amount);
    case 'u': return std::chrono::microseconds(amount);
    case 'm': return std::chrono::milliseconds(amount);
    case 'S': return std::chrono::seconds(std::min<std::int64_t>(amount, 3600));
    case 'M': return std::chrono::minutes(std::min<std::int64_t>(amount, 60));
    case 'H': return std::chrono::hours(1);
    default: return std::nullopt;
  }
}

Moment deadline_of(const net::HttpRequest& request) {
  Clock::duration patience = kPatience;
  if (const auto header = net::find_header(request.headers, "grpc-timeout")) {
    patience = parse_timeout(*header).value_or(patience);
  }
  return Clock::now() + std::min<Clock::duration>(patience, kMostPatience);
}

// The first JSON document; a client may send more (a stream of requests), of which this API needs none.
tl::expected<json::object, std::string> parse_body(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return json::object();
  json::stream_parser parser;
  json::error_code error;
  parser.write_some(body.data(), body.size(), error);
  if (!error && !parser.done()) parser.finish(error);
  if (error) return tl::unexpected("the body is not JSON: " + error.message());
  auto value = parser.release();
  if (!value.is_object()) return tl::unexpected(std::string("the body is not a JSON object"));
  return std::move(value.get_object());
}

std::string path_of(const std::string& target) { return target.substr(0, target.find('?')); }

json::object render_nothing(const Answer&, Revision) { return {}; }

json::object render_put(const Answer& answer, Revision) {
  return to_json(std::get<PutOutcome>(std::get<TransactionOutcome>(answer).responses.at(0).what));
}
json::object render_delete(const Answer& answer, Revision) {
  return to_json(std::get<DeleteOutcome>(std::get<TransactionOutcome>(answer).responses.at(0).what));
}
json::object render_transaction(const Answer& answer, Revision revision) {
  return to_json(std::get<TransactionOutcome>(answer), revision);
}

// Whole seconds for etcd's clients, rounded up: a lease never seems dead while it lives.
void put_ttl(json::object& object, const std::string& name, std::int64_t ttl_ms) {
  put_number(object, name, (ttl_ms + 999) / 1000);
  put_number(object, name + "_ms", ttl_ms);
}

template <typename Keys>
json::array render_keys(const Keys& keys) {
  json::array rendered;
  for (const std::string& key : keys) rendered.push_back(json::string(net::base64_encode(key)));
  return rendered;
}

json::object render_lease(const Answer& answer, Revision) {
  const auto* kept = std::get_if<KeptAlive>(&answer);
  const auto& lease = kept ? kept->lease : std::get<LeaseOutcome>(answer);
  json::object object;
  put_number(object, "ID", lease.id);
  put_ttl(object, "TTL", lease.ttl_ms);
  // Ours: etcd says it to LeaseTimeToLive alone. With it a holder learns in one request that the key is still its own.
  if (kept) object["keys"] = render_keys(kept->keys);
  return object;
}

}  // namespace

Api::Api(consensus::Node& node, std::optional<ClientUser> user) : node_(node), access_(std::move(user)) {}

Api::Handler Api::find_handler(const std::string& path) {
  static const std::map<std::string, Handler, std::less<>> kHandlers = {
      {"/v3/kv/range", &Api::range},
      {"/v3/kv/put", &Api::put},
      {"/v3/kv/deleterange", &Api::delete_range},
      {"/v3/kv/txn", &Api::transaction},
      {"/v3/kv/compaction", &Api::compact},
      {"/v3/lease/grant", &Api::grant_lease},
      {"/v3/lease/keepalive", &Api::keep_alive},
      {"/v3/lease/revoke", &Api::revoke_lease},
      {"/v3/lease/timetolive", &Api::time_to_live},
      {"/v3/lease/leases", &Api::leases},
      {"/v3/kv/lease/revoke", &Api::revoke_lease},
      {"/v3/kv/lease/timetolive", &Api::time_to_live},
      {"/v3/kv/lease/leases", &Api::leases},
      {"/v3/kv/lease/grant", &Api::grant_lease},
      {"/v3/kv/lease/keepalive", &Api::keep_alive},
      {"/v3/cluster/member/list", &Api::member_list},
      {"/v3/maintenance/status", &Api::maintenance_status},
      {"/v3/auth/authenticate", &Api::authenticate},
      {"/matriarch/store/status", &Api::store_status},
      {"/matriarch/store/remove", &Api::store_remove},
      {"/matriarch/store/transfer", &Api::store_transfer},
      {"/matriarch/store/add", &Api::store_add},
      {"/matriarch/store/snapshot", &Api::store_snapshot},
      {"/matriarch/store/restore", &Api::store_restore},
  };
  const auto found = kHandlers.find(path);
  return found == kHandlers.end() ? nullptr : found->second;
}

asio::awaitable<std::optional<net::HttpResponse>> Api::answer(net::HttpRequest request, net::PeerInfo peer,
                                                             net::ChunkWriter& writer) {
  Call call{.request = std::move(request), .deadline = {}};
  call.path = path_of(call.request.target);
  call.deadline = deadline_of(call.request);
  if (call.path == "/version") {
    const json::object version{{"etcdserver", kVersion}, {"etcdcluster", kVersion}};
    co_return ok(version);
  }
  if (call.path == "/health") co_return health();

  const bool watches = call.path == "/v3/watch";
  const auto handler = find_handler(call.path);
  if (handler == nullptr && !watches) {
    const RpcError unknown{RpcCode::kNotFound, "Not Found"};
    co_return to_response(unknown);
  }
  if (handler != &Api::authenticate) {
    if (const auto objection = access_.objection(call.request, peer)) co_return to_response(*objection);
  }
  if (!node_.is_member() && handler != &Api::store_status) co_return to_response(error_of(ProposeFailure::kNoLeader));
  if (handler != &Api::store_restore) {
    auto body = parse_body(call.request.body);
    if (!body) co_return to_response(bad_request(body.error()));
    call.body = std::move(*body);
  }
  if (watches) {
    const bool is_led = co_await await_leader(call.deadline);
    if (!is_led) co_return to_response(error_of(ProposeFailure::kNoLeader));
    co_await watch(call, writer);
    co_return std::nullopt;
  }
  auto response = co_await (this->*handler)(call);
  co_return response;
}

// --- keys -------------------------------------------------------------------------------------------------------

Api::Handled Api::range(Call& call) {
  const auto fields = call.fields();
  auto request = range_request(fields);
  const bool serializable = fields.flag("serializable");
  if (call.error) co_return to_response(bad_request(*call.error));
  auto revision = node_.machine().revision();
  tl::expected<RangeOutcome, Refusal> outcome;
  if (serializable) {
    outcome = node_.machine().range(request);
  } else {
    Transaction transaction;
    transaction.success.push_back({std::move(request)});
    auto read = co_await node_.read(std::move(transaction), call.deadline);
    if (!read) co_return to_response(error_of(read.error()));
    if (!read->answer) co_return to_response(error_of(read->answer.error()));
    revision = read->revision;
    outcome = std::get<RangeOutcome>(std::move(read->answer->responses.at(0).what));
  }
  if (!outcome) co_return to_response(error_of(outcome.error()));
  auto body = to_json(*outcome);
  body["header"] = header(revision);
  co_return ok(body);
}

Api::Handled Api::put(Call& call) {
  const auto fields = call.fields();
  auto command = machine::put(put_request(fields), origin(fields));
  return carry_out(std::move(command), call, render_put);
}

Api::Handled Api::delete_range(Call& call) {
  const auto fields = call.fields();
  auto command = machine::erase(delete_request(fields), origin(fields));
  return carry_out(std::move(command), call, render_delete);
}

Api::Handled Api::transaction(Call& call) {
  const auto fields = call.fields();
  Command command{.origin = origin(fields)};
  auto transaction = server::transaction(fields);
  if (is_read_only(transaction) && !call.error) {
    auto read = co_await node_.read(std::move(transaction), call.deadline);
    if (!read) co_return to_response(error_of(read.error()));
    if (!read->answer) co_return to_response(error_of(read->answer.error()));
    auto body = to_json(*read->answer, read->revision);
    body["header"] = header(read->revision);
    co_return ok(body);
  }
  command.body = std::move(transaction);
  co_return co_await carry_out(std::move(command), call, render_transaction);
}

Api::Handled Api::compact(Call& call) {
  const auto fields = call.fields();
  Command command{.body = Compact{.revision = fields.number("revision")}};
  return carry_out(std::move(command), call, render_nothing);
}

Api::Handled Api::carry_out(Command command, Call& call, Render render) {
  if (call.error) co_return to_response(bad_request(*call.error));
  auto outcome = co_await node_.propose(std::move(command), call.deadline);
  if (!outcome) co_return to_response(error_of(outcome.error()));
  if (!outcome->answer) co_return to_response(error_of(outcome->answer.error()));
  auto body = render(*outcome->answer, outcome->revision);
  body["header"] = header(outcome->revision);
  co_return ok(body);
}

// --- leases -----------------------------------------------------------------------------------------------------

Api::Handled Api::grant_lease(Call& call) {
  const auto fields = call.fields();
  const auto& limits = node_.machine().limits();
  auto ttl_ms = fields.number("TTL_ms");
  if (ttl_ms == 0) {
    const auto seconds = fields.number("TTL");
    ttl_ms = seconds > limits.max_ttl_ms / 1000 ? limits.max_ttl_ms + 1 : std::max<std::int64_t>(seconds, 1) * 1000;
  }
  // A chosen id makes a repeated grant find the lease it made before; a random one is this request's own.
  const auto chosen = fields.number("ID");
  GrantLease grant{.id = chosen, .ttl_ms = std::max(ttl_ms, limits.min_ttl_ms)};
  if (chosen == 0) grant.id = static_cast<LeaseId>(membership::random_id());
  Command command{.origin = origin(fields), .body = grant};
  return carry_out(std::move(command), call, render_lease);
}

Api::Handled Api::keep_alive(Call& call) {
  const KeepAlive alive{.id = call.fields().number("ID")};
  if (call.error) co_return to_response(bad_request(*call.error));
  Command command{.body = alive};
  auto outcome = co_await node_.propose(std::move(command), call.deadline);
  if (!outcome) co_return to_response(error_of(outcome.error()));
  // A lease that is gone is not an error here: the answer has no TTL.
  json::object result;
  if (outcome->answer) {
    result = render_lease(*outcome->answer, outcome->revision);
  } else if (outcome->answer.error() == Refusal::kLeaseNotFound) {
    put_number(result, "ID", alive.id);
  } else {
    co_return to_response(error_of(outcome->answer.error()));
  }
  result["header"] = header(outcome->revision);
  const json::object body{{"result", std::move(result)}};
  auto response = ok(body);
  response.body.push_back('\n');
  co_return response;
}

Api::Handled Api::revoke_lease(Call& call) {
  const auto fields = call.fields();
  Command command{.origin = origin(fields), .body = RevokeLease{.id = fields.number("ID")}};
  return carry_out(std::move(command), call, render_nothing);
}

// By this node's own count, which never runs out before the leader's.
Api::Handled Api::time_to_live(Call& call) {
  const auto fields = call.fields();
  const auto id = fields.number("ID");
  const bool with_keys = fields.flag("keys");
  if (call.error) co_return to_response(bad_request(*call.error));
  const Transaction nothing;
  const auto read = co_await node_.read(nothing, call.deadline);
  if (!read) co_return to_response(error_of(read.error()));
  json::object body{{"header", header(read->revision)}};
  put_number(body, "ID", id);
  const auto* lease = node_.machine().find_lease(id);
  const auto left = node_.lease_remaining(id);
  if (lease == nullptr || !left) {
    body["TTL"] = "-1";
    co_return ok(body);
  }
  put_ttl(body, "TTL", left->count());
  put_ttl(body, "grantedTTL", lease->ttl_ms);
  if (with_keys && !lease->keys.empty()) body["keys"] = render_keys(lease->keys);
  co_return ok(body);
}

Api::Handled Api::leases(Call& call) {
  const Transaction nothing;
  const auto read = co_await node_.read(nothing, call.deadline);
  if (!read) co_return to_response(error_of(read.error()));
  json::object body{{"header", header(read->revision)}};
  json::array leases;
  for (const auto& [id, lease] : node_.machine().leases()) leases.push_back(json::object{{"ID", std::to_string(id)}});
  if (!leases.empty()) body["leases"] = std::move(leases);
  co_return ok(body);
}

// --- the cluster ------------------------------------------------------------------------------------------------

Api::Handled Api::member_list(Call&) {
  json::array members;
  for (const auto& report : node_.members()) {
    json::object member{{"ID", std::to_string(report.member.id)}};
    if (!report.name.empty()) member["name"] = report.name;
    member["peerURLs"] = json::array{"https://" + report.member.address};
    const auto urls = urls_that_lead_there(report.client_urls, report.member.address, report.member.id == node_.id());
    if (!urls.empty()) member["clientURLs"] = json::array(urls.begin(), urls.end());
    if (report.member.role != raft::Role::kVoter) member["isLearner"] = true;
    members.push_back(std::move(member));
  }
  json::object body{{"header", header(node_.machine().revision())}, {"members", std::move(members)}};
  co_return ok(body);
}

Api::Handled Api::maintenance_status(Call&) {
  const auto status = node_.status();
  json::object body{{"header", header(node_.machine().revision())}, {"version", kVersion}};
  put_number(body, "dbSize", static_cast<std::uint64_t>(node_.machine().bytes()));
  put_number(body, "leader", status.leader_id);
  put_number(body, "raftIndex", status.commit_index);
  put_number(body, "raftTerm", status.term);
  put_number(body, "raftAppliedIndex", status.applied_index);
  co_return ok(body);
}

Api::Handled Api::authenticate(Call& call) {
  const auto fields = call.fields();
  const auto name = fields.text("name");
  const auto password = fields.text("password");
  if (call.error) co_return to_response(bad_request(*call.error));
  const auto token = access_.log_in(name, password);
  if (!token) co_return to_response(token.error());
  json::object body{{"header", header(node_.machine().revision())}, {"token", *token}};
  co_return ok(body);
}

net::HttpResponse Api::health() const {
  const bool healthy = node_.is_member() && node_.status().leader_id != 0;
  if (healthy) return ok({{"health", "true"}, {"reason", ""}});
  auto response = ok({{"health", "false"}, {"reason", "RAFT NO LEADER"}});
  response.status = 503;
  return response;
}

json::object Api::header(Revision revision) const {
  return to_json(Header{.cluster_id = node_.cluster_id(),
                        .member_id = node_.id(),
                        .revision = revision,
                        .raft_term = node_.status().term});
}

}  // namespace matriarch::consensus::server
