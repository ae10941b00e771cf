#include "ctl/dcs_url.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <optional>

namespace matriarch::ctl {
namespace {

struct Scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array kSchemes{Scheme{"zookeeper", 2181}, Scheme{"exhibitor", 8181}, Scheme{"consul", 8500}, Scheme{"etcd", 2379}, Scheme{"etcd3", 2379}};

const Scheme* find_scheme(std::string_view name) {
  const auto found = std::find_if(kSchemes.begin(), kSchemes.end(), [&](const Scheme& scheme) { return scheme.name == name; });
  return found == kSchemes.end() ? nullptr : &*found;
}

// Two schemes share a port; the first one listed with it is meant.
const Scheme& scheme_of_port(std::optional<std::uint16_t> port) {
  const auto found = std::find_if(kSchemes.begin(), kSchemes.end(), [&](const Scheme& scheme) { return port && scheme.port == *port; });
  return found == kSchemes.end() ? *find_scheme("etcd") : *found;
}

std::optional<std::uint16_t> to_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

struct Authority {
  std::string host;
  std::string_view port;
};

tl::expected<Authority, std::string> split_authority(std::string_view text) {
  if (const auto at = text.rfind('@'); at != std::string_view::npos) text.remove_prefix(at + 1);
  if (!text.starts_with('[')) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return Authority{std::string(text), {}};
    if (text.find(':') != colon) return tl::unexpected(fmt::format("Bad store address {}: put an IPv6 address in brackets", text));
    return Authority{std::string(text.substr(0, colon)), text.substr(colon + 1)};
  }
  const auto close = text.find(']');
  const bool good = close != std::string_view::npos && (close + 1 == text.size() || text[close + 1] == ':');
  if (!good) return tl::unexpected(fmt::format("Bad store address {}: a bracket is not closed", text));
  return Authority{std::string(text.substr(0, close + 1)), close + 1 == text.size() ? std::string_view{} : text.substr(close + 2)};
}

boost::json::object section_of(const DcsUrl& url, const boost::json::object& before) {
  boost::json::object section = before;
  for (const char* key : {"host", "hosts", "url", "proxy", "srv", "port"}) section.erase(key);
  const std::string address = fmt::format("{}:{}", url.host, url.port);
  if (url.scheme == "zookeeper") {
    section["hosts"] = boost::json::array{address};
  } else if (url.scheme == "exhibitor") {
    section["hosts"] = boost::json::array{url.host};
    section["port"] = url.port;
  } else {
    section["host"] = address;
  }
  return section;
}

}  // namespace

tl::expected<DcsUrl, std::string> parse_dcs_url(std::string_view text) {
  std::string_view rest = text, name;
  if (const auto mark = rest.find("//"); mark != std::string_view::npos) {
    name = rest.substr(0, mark);
    if (name.ends_with(':')) name.remove_suffix(1);
    rest.remove_prefix(mark + 2);
  }
  rest = rest.substr(0, rest.find_first_of("?#"));
  const auto slash = rest.find('/');
  const auto authority = split_authority(rest.substr(0, slash));
  if (!authority) return tl::unexpected(authority.error());
  const auto port = to_port(authority->port);
  if (!authority->port.empty() && !port) return tl::unexpected(fmt::format("Bad port in store address {}: {}", text, authority->port));
  const Scheme* scheme = name.empty() ? &scheme_of_port(port) : find_scheme(name);
  if (!scheme) return tl::unexpected(fmt::format("Unknown dcs scheme: {}", name));
  DcsUrl url{.scheme = std::string(scheme->name), .host = authority->host.empty() ? "localhost" : authority->host, .port = port.value_or(scheme->port)};
  if (slash != std::string_view::npos && rest.substr(slash) != "/") url.name_space = rest.substr(slash);
  return url;
}

void apply_dcs_url(const DcsUrl& url, boost::json::object& configuration) {
  boost::json::object before;
  if (const auto* same = configuration.if_contains(url.scheme); same && same->is_object()) before = same->get_object();
  for (const char* name : {"zookeeper", "exhibitor", "consul", "etcd", "etcd3", "kubernetes", "raft", "embedded"}) configuration.erase(name);
  configuration[url.scheme] = section_of(url, before);
  if (!url.name_space.empty()) configuration["namespace"] = url.name_space;
}

}  // namespace matriarch::ctl
