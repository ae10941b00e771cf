// `matriarch --generate-sample-config` and `--generate-config`: configuration files to begin with.
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "main/configuration.hpp"
#include "main/programs.hpp"
#include "main/this_machine.hpp"
#include "postgres/server_description.hpp"
#include "settings/generate.hpp"
#include "settings/parameters.hpp"
#include "system/fd.hpp"
#include "system/terminal.hpp"

namespace matriarch::main {
namespace {

constexpr std::chrono::seconds kPatience{30};  // with the server that is to be described

int complain(const std::string& text) {
  std::fprintf(stderr, "matriarch: %s\n", text.c_str());
  return 1;
}

settings::SampleFacts facts(settings::Environment environment) {
  const auto host = host_names();
  const auto major = postgres_major_version(settings::variable(environment, "PATRONI_POSTGRESQL_BIN_DIR"), "postgres");
  return {.host_name = host.name, .ip = host.ip, .postgres_major = major ? std::stoi(*major) : 0, .environment = std::move(environment)};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// For its owner alone: there are passwords in it.
int deliver(const std::string& text, const std::string& output) {
  if (output.empty()) return write_all(STDOUT_FILENO, text) ? 0 : complain("standard output: " + std::generic_category().message(errno));
  std::error_code failed;
  const auto directory = std::filesystem::path(output).parent_path();
  if (!directory.empty()) std::filesystem::create_directories(directory, failed);
  const system::Fd file(::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || !write_all(file.get(), text)) return complain(output + ": " + std::generic_category().message(errno));
  return 0;
}

// ---- who connects, and how -------------------------------------------------------------------------------------------

struct ConnectionWord {
  const char* keyword;   // of libpq
  const char* variable;  // which libpq reads itself
  const char* key;       // below postgresql.authentication.superuser
};
constexpr std::array<ConnectionWord, 11> kConnectionWords{{{"user", "PGUSER", "username"},
                                                           {"password", "PGPASSWORD", "password"},
                                                           {"sslmode", "PGSSLMODE", "sslmode"},
                                                           {"sslcert", "PGSSLCERT", "sslcert"},
                                                           {"sslkey", "PGSSLKEY", "sslkey"},
                                                           {"sslrootcert", "PGSSLROOTCERT", "sslrootcert"},
                                                           {"sslcrl", "PGSSLCRL", "sslcrl"},
                                                           {"sslcrldir", "PGSSLCRLDIR", "sslcrldir"},
                                                           {"gssencmode", "PGGSSENCMODE", "gssencmode"},
                                                           {"channel_binding", "PGCHANNELBINDING", "channel_binding"},
                                                           {"sslnegotiation", "PGSSLNEGOTIATION", "sslnegotiation"}}};

std::string user_of_this_process() {
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr ? user->pw_name : "";
}

// Asked for where somebody can answer.
std::string ask_for_password() {
  const system::SilentTerminal terminal(STDIN_FILENO);
  if (!terminal.is_terminal()) return {};
  std::fprintf(stderr, "Please enter the user password: ");
  std::string password;
  std::getline(std::cin, password);
  std::fprintf(stderr, "\n");
  return password;
}

// The words of the DSN, then those of the environment.
std::optional<postgres::Conninfo> connection_words(const std::string& dsn, const settings::Environment& environment) {
  auto conninfo = postgres::parse_conninfo(dsn);
  if (!conninfo) return std::nullopt;
  for (const auto& word : kConnectionWords) {
    const auto given = settings::variable(environment, word.variable);
    if (!given.empty()) conninfo->try_emplace(word.keyword, given);
  }
  conninfo->try_emplace("user", user_of_this_process());
  conninfo->try_emplace("dbname", "postgres");
  if (!conninfo->contains("password")) {
    if (auto password = ask_for_password(); !password.empty()) conninfo->emplace("password", std::move(password));
  }
  return conninfo;
}

std::map<std::string, std::string> superuser_of(const postgres::Conninfo& conninfo) {
  std::map<std::string, std::string> superuser;
  for (const auto& word : kConnectionWords) {
    if (const auto given = conninfo.find(word.keyword); given != conninfo.end()) superuser[word.key] = given->second;
  }
  return superuser;
}

model::Result<postgres::ServerDescription, std::string> ask_server(const postgres::Conninfo& conninfo) {
  boost::asio::io_context loop{1};
  model::Result<postgres::ServerDescription, std::string> answer = tl::unexpected(std::string("no answer"));
  boost::asio::co_spawn(loop, postgres::describe_server(conninfo, settings::is_controlled, std::chrono::steady_clock::now() + kPatience),
                        [&](std::exception_ptr failure, model::Result<postgres::ServerDescription, std::string> described) {
                          if (!failure) answer = std::move(described);
                        });
  loop.run();
  return answer;
}

}  // namespace

int generate_sample(const std::string& output) { return deliver(settings::sample_configuration(facts(process_environment())), output); }

int generate_configuration(const std::string& dsn, const std::string& output) {
  auto environment = process_environment();
  const auto conninfo = connection_words(dsn, environment);
  if (!conninfo) return complain("--dsn: libpq cannot read this");
  auto server = ask_server(*conninfo);
  if (!server) return complain(server.error());
  auto known = facts(environment);
  const auto given_port = conninfo->find("port");
  const std::string port = given_port != conninfo->end() ? given_port->second : settings::variable(environment, "PGPORT");
  const settings::RunningServer running{.parameters = std::move(server->parameters),
                                        .port = port,
                                        .superuser = superuser_of(*conninfo),
                                        .bin_dir = std::move(server->bin_dir),
                                        .pg_hba = std::move(server->hba),
                                        .pg_ident = std::move(server->ident)};
  return deliver(settings::generated_configuration(known, running), output);
}

}  // namespace matriarch::main
