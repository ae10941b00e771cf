#include "consensus/admin.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <filesystem>

#include "consensus/machine/machine.hpp"
#include "consensus/membership/identity.hpp"
#include "consensus/raft/replica.hpp"
#include "system/file.hpp"

namespace matriarch::consensus::admin {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxAnswer = 64u << 20;
constexpr std::size_t kMaxSnapshot = 64u << 20;

std::string error_in(const net::HttpResponse& response) {
  json::error_code error;
  const auto body = json::parse(response.body, error);
  if (!error && body.is_object()) {
    if (const auto* message = body.as_object().if_contains("message"); message != nullptr && message->is_string()) {
      return std::string(message->as_string());
    }
  }
  return fmt::format("HTTP status {}", response.status);
}

asio::awaitable<void> exchange(asio::io_context& loop, const Target& target, net::HttpRequest request,
                               Result<std::string>& result) {
  net::HttpClient client(loop.get_executor(), target.endpoint, {.max_body = kMaxAnswer});
  if (target.user) {
    const json::object login{{"name", target.user->name}, {"password", target.user->password}};
    net::HttpRequest authenticate{.method = "POST", .target = "/v3/auth/authenticate", .body = json::serialize(login)};
    auto answered = co_await client.request(std::move(authenticate), target.patience);
    if (!answered || answered->status != 200) {
      result = tl::unexpected("the store did not accept the user: " + (answered ? error_in(*answered) : answered.error().what));
      co_return;
    }
    const auto body = json::parse(answered->body);
    request.headers.push_back({"Authorization", std::string(body.at("token").as_string())});
  }
  auto answered = co_await client.request(std::move(request), target.patience);
  if (!answered) result = tl::unexpected("the store does not answer: " + answered.error().what);
  else if (answered->status != 200) result = tl::unexpected(error_in(*answered));
  else result = std::move(answered->body);
}

Result<std::string> ask(const Target& target, const std::string& path, std::string body) {
  asio::io_context loop{1};
  Result<std::string> result = tl::unexpected(std::string("no answer"));
  const auto patience = target.patience.count();
  net::HttpRequest request{.method = "POST",
                           .target = "/matriarch/store/" + path,
                           .headers = {{"Content-Type", "application/json"}, {"Grpc-Timeout", fmt::format("{}m", patience)}},
                           .body = std::move(body)};
  asio::co_spawn(loop, exchange(loop, target, std::move(request), result), asio::detached);
  loop.run();
  return result;
}

Result<void> order(const Target& target, const std::string& path, const json::object& body) {
  auto answered = ask(target, path, json::serialize(body));
  if (!answered) return tl::unexpected(answered.error());
  return {};
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return "";
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

std::string remarks_of(const json::object& member) {
  std::string remarks;
  const auto add = [&](const char* remark) { remarks += remarks.empty() ? remark : std::string(", ") + remark; };
  if (text_of(member, "leader") == "true") add("leader");
  if (text_of(member, "witness") == "true") add("witness");
  if (text_of(member, "alive") == "false") add("does not answer");
  if (text_of(member, "alive") == "true" && text_of(member, "caught_up") == "false") add("catching up");
  return remarks;
}

}  // namespace

Result<json::value> status(const Target& target) {
  auto answered = ask(target, "status", "{}");
  if (!answered) return tl::unexpected(answered.error());
  json::error_code error;
  auto value = json::parse(*answered, error);
  if (error || !value.is_object()) return tl::unexpected(std::string("the store's answer cannot be read"));
  return value;
}

std::string render_status(const json::value& status) {
  const auto& object = status.as_object();
  std::string text = fmt::format("cluster {}  term {}  revision {}  keys {} ({} bytes)  leases {}\n",
                                 text_of(object, "cluster_id"), text_of(object, "term"), text_of(object, "revision"),
                                 text_of(object, "keys"), text_of(object, "bytes"), text_of(object, "leases"));
  if (text_of(object, "has_leader") != "true") {
    text += "NO LEADER: fewer than half of the voters can talk to each other. Start them, or, if they are lost for good, "
            "use 'matriarch store recover' on one that is left.\n";
  }
  text += fmt::format("{:<20} {:<24} {:<8} {:<16} {}\n", "name", "address", "role", "id", "");
  for (const auto& item : object.at("members").as_array()) {
    const auto& member = item.as_object();
    text += fmt::format("{:<20} {:<24} {:<8} {:<16} {}\n", text_of(member, "name"), text_of(member, "address"),
                        text_of(member, "role"), text_of(member, "id"), remarks_of(member));
  }
  return text;
}

Result<void> add(const Target& target, const std::string& raft_address) {
  if (!parse_host_port(raft_address)) {
    return tl::unexpected(fmt::format("'{}' is not an address of the form host:port (that of embedded.advertise)", raft_address));
  }
  return order(target, "add", {{"address", raft_address}});
}

Result<void> remove(const Target& target, const std::string& member) { return order(target, "remove", {{"member", member}}); }
Result<void> transfer(const Target& target, const std::string& member) {
  return order(target, "transfer", {{"member", member}});
}

Result<std::size_t> snapshot(const Target& target, const std::string& file) {
  const auto bytes = ask(target, "snapshot", "{}");
  if (!bytes) return tl::unexpected(bytes.error());
  if (const auto sound = machine::Machine::from_snapshot(*bytes); !sound) {
    return tl::unexpected("what the store sent is no snapshot: " + sound.error());
  }
  if (auto written = system::write_atomically(file, *bytes); !written) return tl::unexpected(written.error().message());
  return bytes->size();
}

Result<void> restore(const Target& target, const std::string& file) {
  auto bytes = system::read_file(file, kMaxSnapshot);
  if (!bytes) return tl::unexpected(bytes.error().message());
  if (const auto sound = machine::Machine::from_snapshot(*bytes); !sound) {
    return tl::unexpected(fmt::format("{} cannot be restored: {}. Nothing was changed.", file, sound.error()));
  }
  auto answered = ask(target, "restore", std::move(*bytes));
  if (!answered) return tl::unexpected(answered.error());
  return {};
}

std::string recovery_warning(const MemberSettings& settings) {
  return fmt::format(
      "This makes {} the only member of a new cluster, with the keys its own log holds.\n"
      "Lost is whatever the other members had acknowledged and this one has not received. Do it only when a majority of "
      "the members is gone for good, on the one that was last in use. Before any other former member is started again its "
      "consensus directory must be removed; it will then join anew.\n",
      settings.name);
}

Result<void> recover(const MemberSettings& settings) {
  if (!std::filesystem::exists(settings.data_dir + "/identity.json")) {
    return tl::unexpected(fmt::format("there is no consensus directory at {}: nothing can be recovered", settings.data_dir));
  }
  auto home = membership::Home::open(settings.data_dir);
  if (!home) return tl::unexpected(home.error());
  const auto& identity = home->identity();
  if (identity.standing != membership::Standing::kMember) {
    return tl::unexpected(fmt::format("{} belongs to no cluster: there is nothing to recover", settings.data_dir));
  }
  const raft::Member alone{.id = identity.raft_id, .address = settings.raft_advertise, .role = raft::Role::kVoter};
  return home->become_another_cluster(membership::random_id(), [&](const std::string& directory) {
    const raft::ReplicaSettings replica{.directory = directory, .id = alone.id, .address = alone.address};
    return raft::Replica::recover(replica, {alone});
  });
}

}  // namespace matriarch::consensus::admin
