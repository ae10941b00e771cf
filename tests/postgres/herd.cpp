#include "postgres/herd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "postgres/fence.hpp"
#include "postgres/postmaster_file.hpp"
#include "system/proc.hpp"

namespace matriarch::postgres::real {

bool MemoryJournal::has(const std::string& text) const {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

void Loop::until(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("what the test waits for does not come");
    io.restart();
    io.run_one_for(20ms);
  }
}

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

std::string bin_dir() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/usr/lib/postgresql")) {
    if (std::filesystem::exists(entry.path() / "bin/initdb")) found.push_back((entry.path() / "bin").string());
  }
  if (found.empty()) return {};
  return *std::max_element(found.begin(), found.end());
}

void write_file(const std::string& path, const std::string& content, int mode) {
  std::ofstream(path) << content;
  ::chmod(path.c_str(), static_cast<mode_t>(mode));
}

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

Directory::Directory() {
  char name[] = "/tmp/mpg.XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}

Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Member::Member(Loop& loop, std::string directory, std::string name, std::function<void(model::Settings&)> adjust)
    : loop_(loop), settings_(std::make_shared<model::Settings>()) {
  model::Settings& s = *settings_;
  s.scope = "herd";
  s.name = model::MemberName(name);
  s.dynamic.timing = {.ttl = 2s, .loop_wait = 1s, .retry_timeout = 500ms};
  auto& p = s.postgresql;
  p.listen_addresses = "127.0.0.1";
  p.port = free_port();
  p.connect_address = {.host = "127.0.0.1", .port = p.port};
  p.data_dir = directory + "/" + name;
  p.config_dir = p.data_dir;
  p.bin_dir = bin_dir();
  p.pgpass = directory + "/" + name + ".pgpass";
  p.superuser = {.username = "postgres", .password = "super secret", .other = {}};
  p.replication = {.username = "replicator", .password = "rep:pass", .other = {}};
  p.rewind = model::Credentials{.username = "rewinder", .password = "rewind'pass", .other = {}};
  p.parameters = {{"unix_socket_directories", directory}, {"fsync", "off"}, {"shared_buffers", "16MB"}, {"max_connections", "50"},
                  {"logging_collector", "on"}, {"log_directory", directory}, {"log_filename", name + ".log"}};
  p.pg_hba = {"local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256", "host replication replicator 127.0.0.1/32 scram-sha-256"};
  p.use_pg_rewind = true;
  model::BootstrapSettings bootstrap;
  bootstrap.initdb = {"--data-checksums", "--no-sync", "--auth=scram-sha-256"};
  s.bootstrap = bootstrap;
  if (adjust) adjust(s);
  restart_agent();
}

Member::~Member() {
  const pid_t pid = postmaster();
  instance_.reset();
  if (pid > 0) {
    const auto stat = system::process_stat(pid);
    if (stat) loop_.run(kill_server({pid, stat->start_ticks}, std::filesystem::weakly_canonical(data()).string(), deadline_in(5s)));
  }
  loop_.io.restart();
  loop_.io.poll();
}

void Member::restart_agent() {
  instance_.reset();
  loop_.io.restart();
  loop_.io.poll();
  launcher_ = std::make_unique<DirectLauncher>(loop_.io.get_executor());
  instance_ = std::make_unique<Instance>(loop_.io.get_executor(), settings_, journal, *launcher_);
  instance_->on_change([this](std::string event) { events.push_back(std::move(event)); });
}

void Member::change_settings(const std::function<void(model::Settings&)>& adjust) {
  settings_ = std::make_shared<model::Settings>(*settings_);
  adjust(*settings_);
  instance_->apply_settings(settings_);
}

pid_t Member::postmaster() const {
  const auto file = parse_postmaster_file(read_text(data() + "/postmaster.pid"));
  return file ? file->pid : 0;
}

ports::Source Member::as_source() const {
  return {.name = settings_->name, .conn_url = fmt::format("postgres://127.0.0.1:{}/postgres", settings_->postgresql.port)};
}

model::Upstream Member::as_upstream(const Member& standby) const {
  return {.name = settings_->name, .host = "127.0.0.1", .port = fmt::format("{}", settings_->postgresql.port), .slot = model::slot_name_of(standby.settings().name)};
}

Conninfo Member::conninfo() const {
  return {{"host", "127.0.0.1"}, {"port", fmt::format("{}", settings_->postgresql.port)}, {"user", "postgres"}, {"password", "super secret"}, {"dbname", "postgres"}};
}

namespace {
boost::asio::awaitable<QueryResult<Rows>> ask(Conninfo conninfo, std::string statement, std::chrono::milliseconds limit) {
  const Deadline deadline = deadline_in(limit);
  auto connection = co_await Connection::open(std::move(conninfo), deadline);
  if (!connection) co_return tl::unexpected(connection.error());
  co_return co_await (*connection)->query(std::move(statement), deadline);
}
std::string first_value(const Rows& rows) {
  return rows.empty() || rows.front().empty() ? std::string{} : rows.front().front().value_or("");
}
}  // namespace

std::string Member::sql(const std::string& statement) {
  const auto rows = loop_.run(ask(conninfo(), statement, 10s));
  if (!rows) throw std::runtime_error(statement + ": " + rows.error().what);
  return first_value(*rows);
}

std::optional<std::string> Member::try_sql(const std::string& statement, std::chrono::milliseconds limit) {
  const auto rows = loop_.run(ask(conninfo(), statement, limit));
  return rows ? std::optional(first_value(*rows)) : std::nullopt;
}

namespace {
template <typename T>
void expect(const ports::PostgresResult<T>& result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + result.error().what);
}
}  // namespace

void Member::become_first() {
  expect(loop_.run(instance().attach()), "attach");
  expect(loop_.run(instance().bootstrap(*settings_->bootstrap)), "bootstrap");
  expect(loop_.run(instance().post_bootstrap()), "post_bootstrap");
  expect(loop_.run(instance().refresh(2s)), "refresh");
}

void Member::clone_from(Member& source) {
  expect(loop_.run(instance().attach()), "attach");
  source.sql("SELECT pg_create_physical_replication_slot('" + model::slot_name_of(settings_->name) + "', true)");
  expect(loop_.run(instance().clone({source.as_source()}, {})), "clone");
  follow(source);
}

void Member::follow(const Member& primary) {
  expect(loop_.run(instance().start(model::PostgresRole::kReplica, primary.as_upstream(*this), std::nullopt)), "start as a standby");
  loop_.until([&] { return node().replication_state == model::ReplicationState::kStreaming; });
}

void Member::stop(ports::StopMode mode) {
  ports::StopRequest request{.mode = mode, .limit = 20s};
  expect(loop_.run(instance().stop(std::move(request))), "stop");
}

}  // namespace matriarch::postgres::real
