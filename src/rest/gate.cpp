#include "rest/gate.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "model/member_view.hpp"

namespace matriarch::rest {

namespace asio = boost::asio;

Gate::Gate(asio::any_io_executor executor, ports::Journal& journal) : executor_(std::move(executor)), journal_(journal) {}

void Gate::apply(const model::RestSettings& settings) {
  rules_.username = settings.username;
  rules_.password = settings.password;
  rules_.client_certificate_required = settings.tls.enabled() && settings.verify_client != model::VerifyClient::kNone;
  rules_.allowlist_configured = !settings.allowlist.empty();
  rules_.members_allowed = settings.allowlist_include_members;
  literals_.clear();
  names_.clear();
  for (const auto& entry : settings.allowlist) {
    if (const auto network = Network::parse(entry)) {
      literals_.push_back(*network);
    } else if (entry.find('/') != std::string::npos) {
      journal_.log(ports::Level::kError, fmt::format("Invalid value \"{}\" in the allowlist: not a network", entry));
    } else {
      names_.insert(entry);
    }
  }
  rebuild();
}

bool Gate::learn_members(const model::Cluster& cluster) {
  std::set<std::string> members, failsafe;
  const auto add = [](const std::string& url, std::set<std::string>& hosts) {
    if (auto host = host_of_url(url); !host.empty()) hosts.insert(std::move(host));
  };
  if (rules_.members_allowed) {
    for (const auto& [name, member] : cluster.members) add(member.api_url, members);
  }
  if (rules_.allowlist_configured && cluster.failsafe) {
    for (const auto& [name, url] : *cluster.failsafe) add(url, failsafe);
  }
  if (members == member_hosts_ && failsafe == failsafe_hosts_) return false;
  member_hosts_ = std::move(members);
  failsafe_hosts_ = std::move(failsafe);
  for (const auto* hosts : {&member_hosts_, &failsafe_hosts_}) {
    for (const auto& host : *hosts) {
      if (const auto address = Network::parse(host)) resolved_[host] = {*address};
    }
  }
  rebuild();
  return true;
}

asio::awaitable<void> Gate::refresh() {
  const auto names = names_;
  auto members = member_hosts_;
  members.insert(failsafe_hosts_.begin(), failsafe_hosts_.end());
  for (const auto& name : names) co_await resolve(name, true);
  for (const auto& host : members) {
    if (!Network::parse(host)) co_await resolve(host, false);
  }
  std::erase_if(resolved_, [&](const auto& entry) { return !names_.contains(entry.first) && !members.contains(entry.first); });
  rebuild();
}

asio::awaitable<void> Gate::resolve(std::string host, bool report) {
  asio::ip::tcp::resolver resolver(executor_);
  boost::system::error_code error;
  const auto results = co_await resolver.async_resolve(host, "", asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    if (report && !resolved_.contains(host)) {
      journal_.log(ports::Level::kError, fmt::format("Failed to resolve {}: {}", host, error.message()));
    }
    co_return;
  }
  std::vector<Network> addresses;
  for (const auto& result : results) addresses.emplace_back(result.endpoint().address());
  resolved_[host] = std::move(addresses);
}

void Gate::add_resolved(const std::set<std::string>& hosts, std::vector<Network>& networks) const {
  for (const auto& host : hosts) {
    const auto found = resolved_.find(host);
    if (found != resolved_.end()) networks.insert(networks.end(), found->second.begin(), found->second.end());
  }
}

void Gate::rebuild() {
  rules_.allowlist = literals_;
  rules_.members.clear();
  rules_.failsafe.clear();
  add_resolved(names_, rules_.allowlist);
  add_resolved(member_hosts_, rules_.members);
  add_resolved(failsafe_hosts_, rules_.failsafe);
}

std::string host_of_url(std::string_view url) {
  const auto address = model::address_of_conn_url(url);
  return address ? address->host : std::string();
}

}  // namespace matriarch::rest
