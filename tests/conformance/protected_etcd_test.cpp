// etcd with users, and with certificates on both sides.
#include <thread>

#include "conformance/fixture.hpp"
#include "model/json_text.hpp"
#include "net/tls.hpp"
#include "unit/net/certificates.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::conformance {
namespace {

using testing::HasSubstr;

class ProtectedEtcd : public Conformance {
 protected:
  void ask_server(Cluster& cluster, const std::string& path, const boost::json::object& body) {
    net::HttpClient client(loop_.executor(), at(cluster.port(0)));
    net::HttpRequest request{.method = "POST", .target = "/v3" + path, .body = model::write_json(body)};
    const auto response = wait(client.request(request, kBudget));
    ASSERT_TRUE(response) << response.error().what;
    ASSERT_EQ(response->status, 200u) << response->body;
  }
  // Only who logs in as root may do anything.
  void demand_login(Cluster& cluster) {
    ask_server(cluster, "/auth/user/add", {{"name", "root"}, {"password", "right"}});
    ask_server(cluster, "/auth/role/add", {{"name", "root"}});
    ask_server(cluster, "/auth/user/grant", {{"user", "root"}, {"role", "root"}});
    ask_server(cluster, "/auth/enable", {});
  }
  store::etcd::ClientSettings as_root(const Cluster& cluster, const std::string& password) {
    auto mine = settings({cluster.port(0)});
    mine.username = "root";
    mine.password = password;
    return mine;
  }
};

TEST_F(ProtectedEtcd, ALoginIsRepeatedWhenItsTokenHasRunOut) {
  Cluster cluster(Kind::kEtcd, 1, {.token_ttl_s = 1});
  demand_login(cluster);
  store::etcd::LeaseStore leases(loop_.executor(), as_root(cluster, "right"), prefix_);
  store::etcd::Store store(loop_.executor(), as_root(cluster, "right"), prefix_, 20s);
  const auto session = a_session(leases);
  ASSERT_THAT(wait(leases.acquire(session, kMe, {}, kBudget)), Succeeded());
  wait_until([&] { return store.connected(); });
  for (int i = 0; i < 2; ++i) {
    std::this_thread::sleep_for(4s);  // a token ends one to three seconds after its last use
    EXPECT_THAT(wait(leases.renew(session, kMe, true, kBudget)), Succeeded());
    EXPECT_THAT(wait(store.write_status({.optime = {1}}, kMe, kBudget)), Succeeded());
  }
}

TEST_F(ProtectedEtcd, AWrongPasswordIsNamedAndTheRightOneTakesEffect) {
  Cluster cluster(Kind::kEtcd, 1);
  demand_login(cluster);
  store::etcd::LeaseStore leases(loop_.executor(), as_root(cluster, "wrong"), prefix_);
  const auto refused = wait(leases.open_session(30s, kBudget));
  ASSERT_THAT(refused, FailedWith(StoreFailure::kRejected));
  EXPECT_THAT(refused.error().what, HasSubstr("login as 'root'"));
  leases.set_credentials("root", "right");
  EXPECT_THAT(wait(leases.open_session(30s, kBudget)), Succeeded());
}

TEST_F(ProtectedEtcd, WithoutAUserTheReasonSaysWhatIsMissing) {
  Cluster cluster(Kind::kEtcd, 1);
  demand_login(cluster);
  store::etcd::Store store(loop_.executor(), settings({cluster.port(0)}), prefix_, kSilence);
  const auto refused = wait(store.read(kBudget));
  ASSERT_THAT(refused, FailedWith(StoreFailure::kRejected));
  EXPECT_THAT(refused.error().what, HasSubstr("no username and password are configured"));
}

TEST_F(ProtectedEtcd, CertificatesAreShownAndDemanded) {
  const system::ADirectory directory;
  net::AnAuthority ours(directory.path(), "ours"), others(directory.path(), "others");
  const auto server = ours.issue("etcd", "IP:127.0.0.1"), client = ours.issue("pg1", "");
  Cluster cluster(Kind::kEtcd, 1, {.certfile = server.certfile, .keyfile = server.keyfile, .cafile = ours.cafile()});
  const auto asked_with = [&](const net::TlsClientSettings& tls) {
    store::etcd::ClientSettings mine{.discovers = false};
    mine.tls = *net::make_client_context(tls);
    mine.endpoints = {net::TcpEndpoint{.host = "127.0.0.1", .port = cluster.port(0), .tls = mine.tls}};
    store::etcd::LeaseStore leases(loop_.executor(), mine, prefix_);
    return wait(leases.open_session(30s, kBudget));
  };
  EXPECT_THAT(asked_with({.cafile = ours.cafile(), .certfile = client.certfile, .keyfile = client.keyfile}), Succeeded());
  EXPECT_THAT(asked_with({.cafile = ours.cafile()}), FailedWith(StoreFailure::kUnreachable));
  EXPECT_THAT(asked_with({.cafile = others.cafile(), .certfile = client.certfile, .keyfile = client.keyfile}), FailedWith(StoreFailure::kUnreachable));
}

}  // namespace
}  // namespace matriarch::conformance
