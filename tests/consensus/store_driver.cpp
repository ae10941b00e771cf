// The store program alone, set up by flags: what the tests of this folder start, stop and kill.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "consensus/program.hpp"

int main(int argc, char** argv) {
  using namespace matriarch::consensus;
  StoreProgramSettings settings;
  std::string raft = "127.0.0.1:0";
  std::string client;
  std::string user;
  long election_ms = 150;
  long heartbeat_ms = 50;
  long replace_after_ms = 60'000;
  CLI::App app{"one node of the embedded store"};
  app.add_option("--data", settings.member.data_dir)->required();
  app.add_option("--name", settings.member.name)->required();
  app.add_option("--scope", settings.member.scope)->default_val("test");
  app.add_option("--raft", raft)->required();
  app.add_option("--peer", settings.member.peers);
  app.add_option("--secret", settings.member.security.secret);
  app.add_option("--certfile", settings.member.security.certfile);
  app.add_option("--keyfile", settings.member.security.keyfile);
  app.add_option("--cafile", settings.member.security.cafile);
  app.add_option("--leader-key", settings.member.leader_key);
  app.add_option("--socket", settings.unix_socket);
  app.add_option("--client", client);
  app.add_option("--user", user, "name:password");
  app.add_option("--election-ms", election_ms);
  app.add_option("--heartbeat-ms", heartbeat_ms);
  app.add_option("--replace-after-ms", replace_after_ms);
  app.add_flag("--form-alone", settings.member.form_alone);
  app.add_flag("--two-voters", settings.member.allow_two_voters);
  app.add_flag("--witness", settings.member.is_witness);
  CLI11_PARSE(app, argc, argv);

  settings.member.raft_listen = parse_host_port(raft).value();
  settings.member.raft_advertise = raft;
  settings.member.election_timeout = std::chrono::milliseconds(election_ms);
  settings.member.heartbeat = std::chrono::milliseconds(heartbeat_ms);
  settings.member.replace_after = std::chrono::milliseconds(replace_after_ms);
  if (!client.empty()) {
    settings.client_listen = parse_host_port(client).value();
    settings.member.client_urls = {"http://" + client};
  }
  if (const auto colon = user.find(':'); colon != std::string::npos) {
    settings.client_user = server::ClientUser{.name = user.substr(0, colon), .password = user.substr(colon + 1)};
  }
  settings.log = [name = settings.member.name](LogLevel level, const std::string& text) {
    constexpr const char* kNames[] = {"debug", "info", "warning", "error"};
    std::fprintf(stderr, "%s %s: %s\n", name.c_str(), kNames[static_cast<int>(level)], text.c_str());
  };
  return run_store(std::move(settings));
}
