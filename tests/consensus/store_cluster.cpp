#include "store_cluster.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "net/base64.hpp"
#include "net/http_client.hpp"

namespace matriarch::consensus::test {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

asio::awaitable<void> exchange(asio::io_context& loop, std::uint16_t port, net::HttpRequest request,
                               std::chrono::milliseconds timeout, net::NetResult<net::HttpResponse>& result) {
  net::TcpEndpoint endpoint{.host = "127.0.0.1", .port = port};
  net::HttpClient client(loop.get_executor(), endpoint);
  result = co_await client.request(std::move(request), timeout);
}

// All are open at once, so that no two are the same.
std::vector<std::uint16_t> free_ports(std::size_t count) {
  asio::io_context loop;
  std::vector<asio::ip::tcp::acceptor> acceptors;
  std::vector<std::uint16_t> ports;
  for (std::size_t i = 0; i < count; ++i) {
    acceptors.emplace_back(loop, asio::ip::tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
    ports.push_back(acceptors.back().local_endpoint().port());
  }
  return ports;
}

}  // namespace

std::string encode64(const std::string& text) { return net::base64_encode(text); }
std::string decode64(const json::value& text) { return net::base64_decode(std::string(text.as_string())).value(); }

std::string Reply::error() const {
  if (const auto* message = body.if_contains("message")) return std::string(message->as_string());
  return text;
}

Reply post(std::uint16_t port, const std::string& path, const json::object& body, std::chrono::milliseconds timeout) {
  asio::io_context loop{1};
  net::NetResult<net::HttpResponse> result;
  net::HttpRequest request{.method = "POST",
                           .target = path,
                           .headers = {{"Grpc-Timeout", fmt::format("{}m", timeout.count())}},
                           .body = json::serialize(body)};
  asio::co_spawn(loop, exchange(loop, port, std::move(request), timeout + 500ms, result), asio::detached);
  loop.run();
  if (!result) return {.text = result.error().what, .may_have_been_processed = result.error().may_have_been_processed};
  Reply reply{.status = result->status, .text = result->body, .may_have_been_processed = true};
  json::error_code error;
  auto value = json::parse(result->body, error);
  if (!error && value.is_object()) reply.body = std::move(value.get_object());
  return reply;
}

// --- processes --------------------------------------------------------------------------------------------------

StoreCluster::StoreCluster(std::size_t nodes) {
  char pattern[] = "/tmp/matriarch-store-XXXXXX";
  root_ = ::mkdtemp(pattern);
  const auto ports = free_ports(2 * nodes);
  for (std::size_t i = 0; i < nodes; ++i) nodes_.push_back({.raft_port = ports[2 * i], .client_port = ports[2 * i + 1]});
}

StoreCluster::~StoreCluster() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (is_running(i)) signal(i, SIGKILL);
  }
  if (::testing::Test::HasFailure()) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) std::cerr << log_of(i);
  }
  std::filesystem::remove_all(root_);
}

std::string StoreCluster::raft_address(std::size_t node) const {
  return "127.0.0.1:" + std::to_string(nodes_[node].raft_port);
}
std::string StoreCluster::directory(std::size_t node) const { return fmt::format("{}/n{}", root_, node + 1); }
std::string StoreCluster::socket(std::size_t node) const { return directory(node) + ".socket"; }

std::string StoreCluster::log_of(std::size_t node) const {
  std::ostringstream text;
  text << std::ifstream(directory(node) + ".log").rdbuf();
  return text.str();
}

void StoreCluster::start(std::size_t node) { start(node, {}); }

void StoreCluster::start(std::size_t node, const Options& options) {
  auto& process = nodes_[node];
  std::vector<std::string> words{STORE_DRIVER, "--data", directory(node), "--name", fmt::format("n{}", node + 1), "--raft",
                                 raft_address(node), "--client", fmt::format("127.0.0.1:{}", process.client_port),
                                 "--socket", socket(node)};
  if (!options.secret.empty()) words.insert(words.end(), {"--secret", options.secret});
  auto peers = options.peers;
  if (peers.empty()) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) peers.push_back(raft_address(i));
  }
  for (const auto& peer : peers) words.insert(words.end(), {"--peer", peer});
  words.insert(words.end(), options.flags.begin(), options.flags.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const auto log = directory(node) + ".log";
  process.pid = ::fork();
  if (process.pid == 0) {
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDERR_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
}

void StoreCluster::start_all() {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!is_running(i)) start(i);
  }
}

void StoreCluster::signal(std::size_t node, int number) {
  auto& process = nodes_[node];
  ::kill(process.pid, number);
  if (number != SIGKILL && number != SIGTERM) return;
  if (number == SIGKILL) ::kill(process.pid, SIGCONT);
  ::waitpid(process.pid, nullptr, 0);
  process.pid = 0;
}

std::optional<int> StoreCluster::wait_for_exit(std::size_t node, std::chrono::milliseconds patience) {
  int status = 0;
  auto& process = nodes_[node];
  if (!eventually([&] { return ::waitpid(process.pid, &status, WNOHANG) == process.pid; }, patience)) return std::nullopt;
  process.pid = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void StoreCluster::wipe(std::size_t node) { std::filesystem::remove_all(directory(node)); }

json::object StoreCluster::status(std::size_t node) const {
  const auto reply = post(nodes_[node].client_port, "/matriarch/store/status", {}, 1000ms);
  return reply.status == 200 ? reply.body : json::object();
}

std::optional<std::size_t> StoreCluster::leader() const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!is_running(i)) continue;
    const auto seen = status(i);
    if (!seen.empty() && seen.at("node").at("state") == "leader") return i;
  }
  return std::nullopt;
}

std::size_t StoreCluster::await_leader(std::chrono::milliseconds patience) const {
  std::optional<std::size_t> found;
  const bool served = eventually([&] {
    found = leader();
    return found && Client(port(*found)).get("probe").status == 200;
  }, patience);
  EXPECT_TRUE(served) << "no leader that serves:\n" << statuses();
  return found.value_or(0);
}

std::string StoreCluster::statuses() const {
  std::string text;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (is_running(i)) text += fmt::format("n{}: {}\n", i + 1, json::serialize(status(i)));
  }
  return text;
}

namespace {

std::vector<std::string> voters_of(const json::object& status) {
  std::vector<std::string> names;
  const auto* members = status.if_contains("members");
  if (members == nullptr) return names;
  for (const auto& member : members->as_array()) {
    if (member.at("role") == "voter") names.emplace_back(member.at("name").as_string());
  }
  return names;
}

}  // namespace

std::vector<std::string> StoreCluster::voters() const {
  const auto who = leader();
  return who ? voters_of(status(*who)) : std::vector<std::string>();
}

bool StoreCluster::has_settled_with(std::size_t wanted) const {
  const auto who = leader();
  const auto seen = who ? status(*who) : json::object();
  if (seen.empty() || seen.at("changing").as_bool()) return false;
  std::size_t settled = 0;
  for (const auto& member : seen.at("members").as_array()) {
    if (member.at("role") != "voter") continue;
    const auto number = std::stoul(std::string(member.at("name").as_string()).substr(1)) - 1;
    if (!is_running(number) || voters_of(status(number)).size() != wanted) return false;
    ++settled;
  }
  return settled == wanted;
}

bool StoreCluster::eventually(const std::function<bool()>& holds, std::chrono::milliseconds patience) {
  const auto deadline = Clock::now() + patience;
  while (!holds()) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(20ms);  // between two looks from outside at another process
  }
  return true;
}

// --- the client -------------------------------------------------------------------------------------------------

Reply Client::send(const std::string& path, const json::object& body) { return post(port_, path, body, timeout); }

Reply Client::put(const std::string& key, const std::string& value, const std::string& lease) {
  json::object body{{"key", encode64(key)}, {"value", encode64(value)}};
  if (!lease.empty()) body["lease"] = lease;
  return send("/v3/kv/put", body);
}

Reply Client::get(const std::string& key, bool serializable) {
  return send("/v3/kv/range", {{"key", encode64(key)}, {"serializable", serializable}});
}

std::optional<std::set<std::string>> Client::keys_below(const std::string& prefix) {
  auto end = prefix;
  ++end.back();
  const auto reply = send("/v3/kv/range", {{"key", encode64(prefix)}, {"range_end", encode64(end)}, {"keys_only", true}});
  if (reply.status != 200) return std::nullopt;
  std::set<std::string> keys;
  if (const auto* kvs = reply.body.if_contains("kvs")) {
    for (const auto& kv : kvs->as_array()) keys.insert(decode64(kv.at("key")));
  }
  return keys;
}

std::optional<std::string> Client::value_of(const Reply& reply) {
  const auto* kvs = reply.body.if_contains("kvs");
  if (kvs == nullptr) return std::nullopt;
  const auto* value = kvs->as_array().at(0).as_object().if_contains("value");
  return value == nullptr ? "" : decode64(*value);
}

Reply Client::compare_and_set(const std::string& key, const std::optional<std::string>& expected, const std::string& value) {
  json::object compare{{"key", encode64(key)}};
  if (expected) {
    compare["target"] = "VALUE";
    compare["value"] = encode64(*expected);
  } else {
    compare["target"] = "CREATE";
    compare["create_revision"] = "0";
  }
  const json::object put{{"request_put", {{"key", encode64(key)}, {"value", encode64(value)}}}};
  return send("/v3/kv/txn", {{"compare", json::array{compare}}, {"success", json::array{put}}});
}

bool Client::succeeded(const Reply& reply) { return reply.body.if_contains("succeeded") != nullptr; }

std::string Client::grant(std::int64_t ttl_ms) {
  const auto reply = send("/v3/lease/grant", {{"TTL_ms", std::to_string(ttl_ms)}});
  return reply.status == 200 ? std::string(reply.body.at("ID").as_string()) : "";
}

bool Client::keep_alive(const std::string& lease) {
  const auto reply = send("/v3/lease/keepalive", {{"ID", lease}});
  return reply.status == 200 && reply.body.at("result").as_object().contains("TTL");
}

std::optional<std::chrono::milliseconds> Client::remaining(const std::string& lease) {
  const auto reply = send("/v3/lease/timetolive", {{"ID", lease}});
  if (reply.status != 200 || !reply.body.contains("TTL_ms")) return std::nullopt;
  return std::chrono::milliseconds(std::stoll(std::string(reply.body.at("TTL_ms").as_string())));
}

}  // namespace matriarch::consensus::test
