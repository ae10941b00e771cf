// The store's process: `matriarch store` beside an agent, and `matriarch witness` alone.
#include <cstdio>
#include <filesystem>
#include <memory>

#include "consensus/client_urls.hpp"
#include "consensus/program.hpp"
#include "guardian/last_resort.hpp"
#include "main/configuration.hpp"
#include "main/last_words.hpp"
#include "main/programs.hpp"
#include "runtime/journal.hpp"

namespace matriarch::main {
namespace {

constexpr int kStorePriority = 30;  // below keeper and guardian

ports::Level to_level(consensus::LogLevel level) {
  switch (level) {
    case consensus::LogLevel::kDebug: return ports::Level::kDebug;
    case consensus::LogLevel::kInfo: return ports::Level::kInfo;
    case consensus::LogLevel::kWarning: return ports::Level::kWarning;
    case consensus::LogLevel::kError: return ports::Level::kError;
  }
  return ports::Level::kInfo;
}

consensus::HostPort to_address(const model::HostPort& address) { return {.host = address.host, .port = address.port}; }
std::string to_text(const model::HostPort& address) { return consensus::to_string(to_address(address)); }

consensus::StoreProgramSettings store_settings(const model::Settings& settings, const model::EmbeddedStoreSettings& embedded, const std::string& socket) {
  consensus::StoreProgramSettings program;
  auto& member = program.member;
  member.data_dir = embedded.data_dir;
  member.name = settings.name.text;
  member.scope = settings.scope;
  member.raft_listen = to_address(embedded.listen);
  member.raft_advertise = to_text(embedded.advertise);
  for (const auto& peer : embedded.peers) member.peers.push_back(to_text(peer));
  member.security = {.secret = embedded.secret, .certfile = embedded.tls.certfile, .keyfile = embedded.tls.keyfile,
                     .keyfile_password = embedded.tls.keyfile_password, .cafile = embedded.tls.cafile};
  member.allow_two_voters = embedded.two_voters_without_witness;
  member.leader_key = settings.key_prefix() + "leader";
  member.election_timeout = embedded.election_timeout;
  member.heartbeat = embedded.heartbeat;
  if (embedded.client_listen.port != 0) {
    program.client_listen = to_address(embedded.client_listen);
    member.client_urls = consensus::client_urls(to_address(embedded.client_listen), to_address(embedded.advertise), embedded.tls.enabled());
  }
  if (embedded.tls.enabled()) {
    program.client_tls = net::TlsServerSettings{.certfile = embedded.tls.certfile, .keyfile = embedded.tls.keyfile, .keyfile_password = embedded.tls.keyfile_password,
                                                .cafile = embedded.tls.cafile, .verify_client = net::VerifyClient::kRequired};
  }
  program.unix_socket = socket;
  program.realtime_priority = kStorePriority;
  return program;
}

int run(const Configuration& configuration, const std::string& socket, bool is_witness, bool may_form_alone) {
  const auto settings = configuration.settings();
  const auto* embedded = std::get_if<model::EmbeddedStoreSettings>(&settings->store);
  if (!embedded) {
    std::fprintf(stderr, "matriarch store: the section 'embedded' is missing\n");
    return kCannotWork;
  }
  runtime::Journal journal(settings->log);
  auto program = store_settings(*settings, *embedded, socket);
  program.member.is_witness = is_witness;
  program.member.form_alone = may_form_alone;
  program.log = [&journal](consensus::LogLevel level, std::string text) { journal.log(to_level(level), "store: " + text); };
  return consensus::run_store(std::move(program));
}

bool is_empty_directory(const std::string& path) {
  std::error_code failed;
  return !std::filesystem::exists(path, failed) || std::filesystem::is_empty(path, failed);
}

}  // namespace

int run_store(const std::string& file, const std::string& run_directory, bool forms_alone) {
  auto configuration = Configuration::read(file, settings::Purpose::kNode);
  if (!configuration) {
    std::fprintf(stderr, "%s\n", configuration.error().c_str());
    return kCannotWork;
  }
  const std::string data = configuration->settings()->postgresql.data_dir;
  auto last_resort = guardian::LastResort::watch(run_directory, data);
  if (!last_resort) {
    std::fprintf(stderr, "matriarch store: no guardian: %s\n", last_resort.error().message().c_str());
    return kCannotWork;
  }
  watch_guardian(std::make_shared<const guardian::LastResort>(std::move(*last_resort)));
  return run(*configuration, store_socket(run_directory), false, forms_alone || is_empty_directory(data));
}

int run_witness(const std::string& file) {
  auto configuration = Configuration::read(file, settings::Purpose::kWitness);
  if (!configuration) {
    std::fprintf(stderr, "%s\n", configuration.error().c_str());
    return kCannotWork;
  }
  auto directory = make_run_directory(*configuration->settings());
  if (!directory) {
    std::fprintf(stderr, "matriarch witness: %s\n", directory.error().c_str());
    return kCannotWork;
  }
  return run(*configuration, store_socket(*directory), true, false);
}

}  // namespace matriarch::main
