#include "net/percent.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url_view.hpp>

namespace matriarch::net {
namespace urls = boost::urls;
namespace {

std::optional<std::string> decoded(urls::pct_string_view text, bool plus_is_blank) {
  urls::encoding_opts options;
  options.space_as_plus = plus_is_blank;
  std::string result = text.decode(options);
  if (result.find('\0') != std::string::npos) return std::nullopt;
  return result;
}

std::optional<std::vector<QueryParameter>> parse_query(const urls::url_view& url) {
  std::vector<QueryParameter> parameters;
  if (!url.has_query()) return parameters;
  for (const auto& raw : url.encoded_params()) {
    if (raw.key.empty() && !raw.has_value) continue;  // "?", "a&&b"
    auto name = decoded(raw.key, true);
    auto value = decoded(raw.value, true);
    if (!name || !value) return std::nullopt;
    parameters.push_back(QueryParameter{.name = std::move(*name), .value = std::move(*value)});
  }
  return parameters;
}

}  // namespace

std::optional<std::string_view> Target::parameter(std::string_view name) const {
  for (const QueryParameter& each : query) {
    if (each.name == name) return each.value;
  }
  return std::nullopt;
}

std::optional<Target> parse_target(std::string_view target) {
  if (target == "*") return Target{.path = "*"};
  const auto url = target.starts_with('/') ? urls::parse_origin_form(target) : urls::parse_absolute_uri(target);
  if (!url) return std::nullopt;
  auto path = decoded(url->encoded_path(), false);
  auto query = parse_query(*url);
  if (!path || !query) return std::nullopt;
  if (path->empty()) *path = "/";
  if (!path->starts_with('/')) return std::nullopt;
  return Target{.path = std::move(*path), .query = std::move(*query)};
}

std::string percent_encode(std::string_view text) {
  return urls::encode(text, urls::unreserved_chars);
}

}  // namespace matriarch::net
