#include "conformance/servers.hpp"

#include <fcntl.h>
#include <signal.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace matriarch::conformance {
namespace {

using namespace std::chrono_literals;

Kind the_kind = Kind::kEtcd;

std::string a_directory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "conformance-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  return pattern;
}

// 1: something listens there.
bool is_listening(std::uint16_t port) {
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket socket(context);
  boost::system::error_code refused;
  socket.connect({boost::asio::ip::address_v4::loopback(), port}, refused);
  return !refused;
}

}  // namespace

Kind kind_under_test() { return the_kind; }
void set_kind_under_test(Kind kind) { the_kind = kind; }

Abilities abilities_of(Kind kind) {
  switch (kind) {
    case Kind::kEtcd: return {};
    case Kind::kEmbedded: return {.counts_milliseconds = true, .sends_progress_often = true};
  }
  return {};
}

std::uint16_t a_free_port() {
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor(context, {boost::asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

Cluster::Cluster(Kind kind, int size, Protection protection) : kind_(kind), protection_(std::move(protection)), directory_(a_directory()) {
  for (int i = 0; i < size; ++i) nodes_.push_back({.client_port = a_free_port(), .peer_port = a_free_port()});
  for (int i = 0; i < size; ++i) start(i);
}

Cluster::~Cluster() {
  for (int i = 0; i < size(); ++i) {
    resume(i);
    kill(i);
  }
  std::filesystem::remove_all(directory_);
}

std::vector<std::string> Cluster::etcd_command(int server) const {
  const auto& node = nodes_[static_cast<std::size_t>(server)];
  std::string members;
  for (int i = 0; i < size(); ++i) {
    members += fmt::format("{}n{}=http://127.0.0.1:{}", i == 0 ? "" : ",", i, nodes_[static_cast<std::size_t>(i)].peer_port);
  }
  const bool is_protected = !protection_.cafile.empty();
  const std::string client_url = fmt::format("{}://127.0.0.1:{}", is_protected ? "https" : "http", node.client_port);
  const std::string peer_url = fmt::format("http://127.0.0.1:{}", node.peer_port);
  std::vector<std::string> argv = {"etcd", "--name", fmt::format("n{}", server), "--data-dir", data_directory(server), "--listen-client-urls", client_url, "--advertise-client-urls", client_url,
          "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url, "--initial-cluster", members, "--initial-cluster-token", directory_, "--logger", "zap",
          "--log-outputs", "stderr", "--auth-token-ttl", std::to_string(protection_.token_ttl_s)};
  if (is_protected) {
    argv.insert(argv.end(), {"--cert-file", protection_.certfile, "--key-file", protection_.keyfile, "--trusted-ca-file", protection_.cafile, "--client-cert-auth"});
  }
  return argv;
}

std::vector<std::string> Cluster::embedded_command(int server) const {
  const auto& node = nodes_[static_cast<std::size_t>(server)];
  std::vector<std::string> argv = {STORE_DRIVER, "--data", data_directory(server), "--name", fmt::format("n{}", server), "--raft", fmt::format("127.0.0.1:{}", node.peer_port),
                                   "--client", fmt::format("127.0.0.1:{}", node.client_port)};
  if (size() == 1) argv.push_back("--form-alone");
  else argv.insert(argv.end(), {"--secret", "conformance"});
  for (const auto& other : nodes_) argv.insert(argv.end(), {"--peer", fmt::format("127.0.0.1:{}", other.peer_port)});
  return argv;
}

void Cluster::start(int server) {
  auto& node = nodes_[static_cast<std::size_t>(server)];
  const auto command = kind_ == Kind::kEtcd ? etcd_command(server) : embedded_command(server);
  // setpriv: no server outlives a test program that is killed.
  system::SpawnOptions options{.argv = {"setpriv", "--pdeathsig", "KILL"}, .new_session = true};
  options.argv.insert(options.argv.end(), command.begin(), command.end());
  const system::Fd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const system::Fd log(::open(log_file(server).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  options.redirections = {{.target = 0, .source = nowhere.get()}, {.target = 1, .source = log.get()}, {.target = 2, .source = log.get()}};
  auto child = system::spawn(options);
  if (!child) throw std::runtime_error(child.error().what);
  node.child = std::move(*child);
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!is_listening(node.client_port)) {
    const auto ended = system::wait_for_end(node.child.pidfd, 20ms);
    if (!ended || *ended || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error(fmt::format("{} did not start: {}", command[0], end_of_log(server)));
    }
  }
}

std::string Cluster::data_directory(int server) const { return fmt::format("{}/n{}", directory_, server); }
std::string Cluster::log_file(int server) const { return data_directory(server) + ".log"; }

std::string Cluster::end_of_log(int server) const {
  std::ostringstream text;
  text << std::ifstream(log_file(server)).rdbuf();
  const std::string all = text.str();
  return all.substr(all.size() - std::min<std::size_t>(all.size(), 2'000));
}

void Cluster::kill(int server) {
  auto& node = nodes_[static_cast<std::size_t>(server)];
  if (!node.child.pidfd) return;
  (void)system::send_signal(node.child.pidfd, SIGKILL);
  (void)system::wait_for_end(node.child.pidfd, 10s);
  (void)system::try_reap(node.child.pidfd);
  node.child = {};
}

void Cluster::suspend(int server) { (void)system::send_signal(nodes_[static_cast<std::size_t>(server)].child.pidfd, SIGSTOP); }

void Cluster::resume(int server) {
  auto& node = nodes_[static_cast<std::size_t>(server)];
  if (node.child.pidfd) (void)system::send_signal(node.child.pidfd, SIGCONT);
}

}  // namespace matriarch::conformance
