#include "store/etcd/servers.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace matriarch::store::etcd {
namespace {

using namespace std::chrono_literals;

constexpr auto kPauseAfterRefusal = 200ms;
constexpr auto kPauseAfterSilence = 2'000ms;
constexpr auto kLongestBackoff = 16'000ms;

}  // namespace

std::string name_of(const net::Endpoint& endpoint) {
  if (const auto* local = std::get_if<net::UnixEndpoint>(&endpoint)) return "unix:" + local->path;
  const auto& remote = std::get<net::TcpEndpoint>(endpoint);
  const bool is_ipv6 = remote.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", remote.host, is_ipv6 ? "]" : "", remote.port);
}

void Servers::set(std::vector<std::shared_ptr<Server>> servers) {
  for (auto& server : servers) {
    const auto known = std::find_if(servers_.begin(), servers_.end(), [&](const auto& other) { return other->name == server->name; });
    if (known != servers_.end()) server = *known;
  }
  servers_ = std::move(servers);
}

std::vector<std::shared_ptr<Server>> Servers::in_order(Clock::time_point now) const {
  const auto rank = [&](const std::shared_ptr<Server>& server) {
    const bool is_avoided = server->avoid_until > now;
    const bool is_first = prefers_first_ && server == servers_.front();
    const bool is_current = server->name == current_;
    return (is_avoided ? 8 : 0) + (is_first ? 0 : is_current ? 1 : server->is_configured ? 2 : 3);
  };
  auto order = servers_;
  std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return order;
}

void Servers::succeeded(const std::shared_ptr<Server>& server) {
  server->avoid_until = {};
  server->pause = {};
  current_ = server->name;
}

void Servers::failed(const std::shared_ptr<Server>& server, bool was_silent, Clock::time_point now) {
  server->pause = was_silent ? std::clamp<std::chrono::milliseconds>(server->pause * 2, kPauseAfterSilence, kLongestBackoff) : kPauseAfterRefusal;
  server->avoid_until = now + server->pause;
}

}  // namespace matriarch::store::etcd
