#include "conformance/fixture.hpp"

#include <fmt/format.h>

#include "model/json_text.hpp"

namespace matriarch::conformance {

using store::etcd::Clock;

Cluster& the_server() {
  static Cluster server(kind_under_test(), 1);
  return server;
}

Conformance::Conformance() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  prefix_ = fmt::format("/conformance/{}-{}-{}/", test->test_suite_name(), test->name(), Clock::now().time_since_epoch().count());
}

store::etcd::ClientSettings Conformance::settings(std::vector<std::uint16_t> ports) {
  store::etcd::ClientSettings settings{.discovers = false};
  for (const std::uint16_t port : ports) settings.endpoints.push_back(at(port));
  return settings;
}

std::unique_ptr<store::etcd::Store> Conformance::a_store(std::vector<std::uint16_t> ports, Milliseconds silence) {
  return std::make_unique<store::etcd::Store>(loop_.executor(), settings(std::move(ports)), prefix_, silence);
}

std::unique_ptr<store::etcd::LeaseStore> Conformance::a_lease_store(std::vector<std::uint16_t> ports) {
  return std::make_unique<store::etcd::LeaseStore>(loop_.executor(), settings(std::move(ports)), prefix_);
}

SessionToken Conformance::a_session(store::etcd::LeaseStore& leases, Milliseconds ttl) {
  const auto grant = wait(leases.open_session(ttl, kBudget));
  if (!grant) throw std::runtime_error("no session: " + grant.error().what);
  return grant->session;
}

boost::json::object Conformance::ask(const std::string& path, const boost::json::object& body) {
  net::HttpClient client(loop_.executor(), at(the_server().port(0)));
  net::HttpRequest request{.method = "POST", .target = "/v3" + path, .body = model::write_json(body)};
  const auto response = wait(client.request(request, kBudget));
  if (!response || response->status != 200) throw std::runtime_error(path + ": " + (response ? response->body : response.error().what));
  return model::read_json(response->body)->as_object();
}

std::optional<store::etcd::KeyValue> Conformance::record(const std::string& name) {
  auto found = store::etcd::key_values_of(ask("/kv/range", store::etcd::range(prefix_ + name)));
  if (found.empty()) return std::nullopt;
  return found.front();
}

void Conformance::put_record(const std::string& name, const std::string& value, std::int64_t lease) {
  ask("/kv/put", store::etcd::put(prefix_ + name, value, lease));
}

}  // namespace matriarch::conformance
