// `matriarch store ...`: the command line's words, the store's deeds.
#include "main/store_operator.hpp"

#include <filesystem>
#include <memory>

#include "consensus/admin.hpp"
#include "main/configuration.hpp"
#include "main/store_access.hpp"

namespace matriarch::main {
namespace {

namespace admin = consensus::admin;
using ctl::StoreAnswer;

// A change of members waits for the others; a member that was let in copies the log first.
constexpr std::chrono::milliseconds kPatience{30'000};
constexpr std::chrono::milliseconds kPatienceToLook{5'000};

// The store of this node: its socket, which needs no certificates, else its client port.
tl::expected<admin::Target, std::string> find_store(const model::Settings& settings) {
  std::vector<admin::Target> targets;
  for (const auto& directory : run_directories(settings)) {
    const auto socket = store_socket(directory);
    std::error_code failed;
    if (std::filesystem::exists(socket, failed)) targets.push_back({.endpoint = net::UnixEndpoint{socket}, .patience = kPatience});
  }
  const auto client = store_client_settings(settings, "");
  if (!client) return tl::unexpected(client.error());
  for (const auto& endpoint : client->endpoints) targets.push_back({.endpoint = endpoint, .patience = kPatience});
  if (targets.empty()) return tl::unexpected(std::string("the store of this node has neither a socket nor a client port (embedded.client_listen): is its service running?"));
  return admin::find_listening(targets);
}

template <typename T, typename Ask>
StoreAnswer<T> with_store(const std::shared_ptr<const model::Settings>& settings, const Ask& ask) {
  const auto target = find_store(*settings);
  if (!target) return tl::unexpected(target.error());
  return ask(*target);
}

consensus::MemberSettings member_of(const model::Settings& settings) {
  const auto& embedded = std::get<model::EmbeddedStoreSettings>(settings.store);
  consensus::MemberSettings member;
  member.data_dir = embedded.data_dir;
  member.name = settings.name.text;
  member.raft_advertise = consensus::to_string({.host = embedded.advertise.host, .port = embedded.advertise.port});
  return member;
}

}  // namespace

ctl::StoreOperations store_operations(const model::Settings& settings) {
  const auto kept = std::make_shared<const model::Settings>(settings);
  ctl::StoreOperations store;
  store.status = [kept] {
    return with_store<boost::json::value>(kept, [](admin::Target target) {
      target.patience = kPatienceToLook;
      return admin::status(target);
    });
  };
  store.render_status = admin::render_status;
  store.add = [kept](const std::string& address) {
    return with_store<void>(kept, [&](const auto& target) { return admin::add(target, address); });
  };
  store.remove = [kept](const std::string& member) {
    return with_store<void>(kept, [&](const auto& target) { return admin::remove(target, member); });
  };
  store.snapshot = [kept](const std::string& file) {
    return with_store<std::size_t>(kept, [&](const auto& target) { return admin::snapshot(target, file); });
  };
  store.check_snapshot = admin::check_snapshot;
  store.restore = [kept](const std::string& file) {
    return with_store<void>(kept, [&](const auto& target) { return admin::restore(target, file); });
  };
  store.check_recovery = [kept] { return admin::check_recovery(member_of(*kept)); };
  store.recover = [kept] { return admin::recover(member_of(*kept)); };
  return store;
}

}  // namespace matriarch::main
