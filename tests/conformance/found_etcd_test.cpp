// etcd found by SRV records, with a real name server.
#include <fcntl.h>
#include <signal.h>

#include <boost/asio/ip/udp.hpp>
#include <fmt/format.h>

#include "conformance/fixture.hpp"
#include "unit/system/a_directory.hpp"

namespace matriarch::conformance {
namespace {

using testing::HasSubstr;

// dnsmasq that knows these records ("_etcd._tcp.site.test,localhost,2379") and nothing else.
class NameServer {
 public:
  explicit NameServer(const std::vector<std::string>& records) : port_(a_free_port()) {
    system::SpawnOptions options{.argv = {"setpriv", "--pdeathsig", "KILL", "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                                          "--listen-address=127.0.0.1", "--bind-interfaces", "--user=root", "--pid-file=", fmt::format("--port={}", port_)},
                                 .new_session = true};
    for (const auto& record : records) options.argv.push_back("--srv-host=" + record);
    const system::Fd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
    options.redirections = {{.target = 0, .source = nowhere.get()}, {.target = 1, .source = nowhere.get()}, {.target = 2, .source = nowhere.get()}};
    auto child = system::spawn(options);
    if (!child) throw std::runtime_error(child.error().what);
    child_ = std::move(*child);
  }
  ~NameServer() {
    (void)system::send_signal(child_.pidfd, SIGKILL);
    (void)system::wait_for_end(child_.pidfd, 10s);
    (void)system::try_reap(child_.pidfd);
  }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

 private:
  std::uint16_t port_;
  system::Child child_;
};

class FoundEtcd : public Conformance {
 protected:
  FoundEtcd() { wait_until([this] { return wait(store::etcd::service_records("_etcd-client._tcp.site.test", names_.address(), store::etcd::Clock::now() + 1s)).size() == 1; }); }
  store::etcd::ClientSettings found(const std::string& suffix = {}, const std::string& domain = "site.test") {
    store::etcd::ClientSettings mine{.discovers = false};
    mine.discovery = store::etcd::DiscoverySettings{.domain = domain, .suffix = suffix, .tls = {}, .name_servers = names_.address()};
    return mine;
  }

  Cluster cluster_{Kind::kEtcd, 1};
  NameServer names_{{fmt::format("_etcd-client._tcp.site.test,localhost,{}", cluster_.port(0)),
                     fmt::format("_etcd-server-blue._tcp.site.test,localhost,{}", cluster_.peer_port(0)),
                     "_etcd._tcp.order.test,second.test,2379,20,1", "_etcd._tcp.order.test,first.test,2379,10,1", "_etcd._tcp.order.test,heavy.test,2379,20,9"}};
};

TEST_F(FoundEtcd, ByItsClientRecords) {
  store::etcd::LeaseStore leases(loop_.executor(), found(), prefix_);
  EXPECT_THAT(wait(leases.open_session(30s, kBudget)), Succeeded());
  store::etcd::Store store(loop_.executor(), found(), prefix_, kSilence);
  wait_until([&] { return store.connected(); });
}

TEST_F(FoundEtcd, ThroughAPeerThatKnowsTheMembers) {
  store::etcd::LeaseStore leases(loop_.executor(), found("blue"), prefix_);
  EXPECT_THAT(wait(leases.open_session(30s, kBudget)), Succeeded());
}

TEST_F(FoundEtcd, NotAtAll) {
  std::string said;
  store::etcd::LeaseStore leases(loop_.executor(), found("", "nowhere.test"), prefix_, [&](std::string text) { said = std::move(text); });
  EXPECT_THAT(wait(leases.open_session(30s, kBudget)), FailedWith(StoreFailure::kUnreachable));
  EXPECT_THAT(said, HasSubstr("SRV records of nowhere.test"));
}

TEST_F(FoundEtcd, ConfiguredServersCountWhereThereAreNoRecords) {
  auto mine = found("", "nowhere.test");
  mine.endpoints = {at(cluster_.port(0))};
  store::etcd::LeaseStore leases(loop_.executor(), mine, prefix_);
  EXPECT_THAT(wait(leases.open_session(30s, 10s)), Succeeded());
}

TEST_F(FoundEtcd, RecordsAreSortedByPriorityAndWeight) {
  std::vector<std::string> hosts;
  for (const auto& record : wait(store::etcd::service_records("_etcd._tcp.order.test", names_.address(), store::etcd::Clock::now() + 5s))) hosts.push_back(record.host);
  EXPECT_THAT(hosts, testing::ElementsAre("first.test", "heavy.test", "second.test"));
}

}  // namespace
}  // namespace matriarch::conformance
