#include "consensus/admin.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <thread>
#include <variant>

#include "consensus/machine/machine.hpp"
#include "consensus/membership/identity.hpp"
#include "consensus/raft/replica.hpp"
#include "system/file.hpp"

namespace matriarch::consensus::admin {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxAnswer = 64u << 20;
constexpr std::chrono::milliseconds kKnock{1'500};
constexpr std::chrono::milliseconds kBetweenLooks{200};
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

bool is_json(const std::string& text) {
  json::error_code error;
  const auto value = json::parse(text, error);
  return !error && value.is_object();
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
  else if (answered->status == 404 && !is_json(answered->body)) result = tl::unexpected(std::string("what listens there is no embedded store of Matriarch"));
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

std::string describe(const net::Endpoint& endpoint) {
  if (const auto* local = std::get_if<net::UnixEndpoint>(&endpoint)) return local->path;
  const auto& remote = std::get<net::TcpEndpoint>(endpoint);
  return to_string(HostPort{.host = remote.host, .port = remote.port});
}

// Whether a store of ours is there, whatever state it is in.
asio::awaitable<void> knock(asio::io_context& loop, const Target& target, Result<void>& result) {
  net::HttpClient client(loop.get_executor(), target.endpoint);
  net::HttpRequest request{.method = "GET", .target = "/version"};
  auto answered = co_await client.request(std::move(request), kKnock);
  if (!answered) result = tl::unexpected(answered.error().what);
  else if (answered->status != 200) result = tl::unexpected(error_in(*answered));
  else result = {};
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  if (value == nullptr) return "";
  return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
}

bool has_member(const json::value& status, const std::string& address) {
  for (const auto& member : status.at("members").as_array()) {
    if (text_of(member.as_object(), "address") == address) return true;
  }
  return false;
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

Result<Target> find_listening(const std::vector<Target>& targets) {
  std::string why;
  for (const auto& target : targets) {
    asio::io_context loop{1};
    Result<void> result = tl::unexpected(std::string("no answer"));
    asio::co_spawn(loop, knock(loop, target, result), asio::detached);
    loop.run();
    if (result) return target;
    why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", describe(target.endpoint), result.error());
  }
  return tl::unexpected("the store of this node does not answer (" + why + "). Is its service running?");
}

Result<json::value> status(const Target& target) {
  auto answered = ask(target, "status", R"({"look":true})");
  if (!answered) return tl::unexpected(answered.error());
  json::error_code error;
  auto value = json::parse(*answered, error);
  if (error || !value.is_object()) return tl::unexpected(std::string("the store's answer cannot be read"));
  return value;
}

std::string render_status(const json::value& status) {
  const auto& object = status.as_object();
  if (const auto obstacle = text_of(object, "obstacle"); !obstacle.empty()) {
    return fmt::format("NO MEMBER of a cluster yet: {}\n", obstacle);
  }
  std::string text = fmt::format("cluster {}  term {}  revision {}  keys {} ({} bytes)  leases {}\n",
                                 text_of(object, "cluster_id"), text_of(object, "term"), text_of(object, "revision"),
                                 text_of(object, "keys"), text_of(object, "bytes"), text_of(object, "leases"));
  if (text_of(object, "has_leader") != "true") {
    text += "NO LEADER: fewer than half of the voters can talk to each other. Start them; the log of this node's store says what keeps "
            "it from the others (another secret, the network). Only when most of them are lost for good: 'matriarch store recover' on the "
            "one that was in use last.\n";
  }
  if (text_of(object, "changing") == "true") text += "A change of the members is under way.\n";
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
  const auto deadline = std::chrono::steady_clock::now() + target.patience;
  if (auto invited = order(target, "add", {{"address", raft_address}}); !invited) return invited;
  for (;;) {
    const auto seen = status(target);
    if (seen && has_member(*seen, raft_address)) return {};
    if (std::chrono::steady_clock::now() + kBetweenLooks > deadline) {
      return tl::unexpected(fmt::format("the node at {} was invited, but is no member yet; its log says why", raft_address));
    }
    std::this_thread::sleep_for(kBetweenLooks);  // the store cannot tell when
  }
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

namespace {

Result<std::string> read_snapshot(const std::string& file) {
  auto bytes = system::read_file(file, kMaxSnapshot);
  if (!bytes) return tl::unexpected(bytes.error().message());
  if (const auto sound = machine::Machine::from_snapshot(*bytes); !sound) {
    return tl::unexpected(fmt::format("{} cannot be restored: {}. Nothing was changed.", file, sound.error()));
  }
  return std::move(*bytes);
}

// The directory of a member that nobody uses, locked.
Result<membership::Home> open_for_recovery(const MemberSettings& settings) {
  const auto& directory = settings.data_dir;
  struct stat owner {};
  if (::stat((directory + "/identity.json").c_str(), &owner) != 0) {
    const int error = errno;
    if (error == ENOENT) return tl::unexpected(fmt::format("there is no consensus directory at {}: nothing can be recovered", directory));
    return tl::unexpected(fmt::format("the consensus directory {} cannot be read: {}", directory, std::strerror(error)));
  }
  // Files of another owner in it would keep the service from starting.
  if (owner.st_uid != ::geteuid()) {
    return tl::unexpected(fmt::format("the consensus directory {} belongs to another user (uid {}): run this as that user",
                                      directory, owner.st_uid));
  }
  auto home = membership::Home::open(directory);
  if (!home) return tl::unexpected(home.error());
  if (home->identity().standing != membership::Standing::kMember) {
    return tl::unexpected(fmt::format("{} belongs to no cluster: there is nothing to recover", directory));
  }
  return home;
}

}  // namespace

Result<void> check_snapshot(const std::string& file) {
  if (auto bytes = read_snapshot(file); !bytes) return tl::unexpected(bytes.error());
  return {};
}

Result<void> restore(const Target& target, const std::string& file) {
  auto bytes = read_snapshot(file);
  if (!bytes) return tl::unexpected(bytes.error());
  auto answered = ask(target, "restore", std::move(*bytes));
  if (!answered) return tl::unexpected(answered.error());
  return {};
}

Result<void> check_recovery(const MemberSettings& settings) {
  if (auto home = open_for_recovery(settings); !home) return tl::unexpected(home.error());
  return {};
}

Result<void> recover(const MemberSettings& settings) {
  auto home = open_for_recovery(settings);
  if (!home) return tl::unexpected(home.error());
  const raft::Member alone{.id = home->identity().raft_id, .address = settings.raft_advertise, .role = raft::Role::kVoter};
  return home->become_another_cluster(membership::random_id(), [&](const std::string& directory) {
    const raft::ReplicaSettings replica{.directory = directory, .id = alone.id, .address = alone.address};
    return raft::Replica::recover(replica, {alone});
  });
}

}  // namespace matriarch::consensus::admin
