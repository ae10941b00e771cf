#include <boost/url/parse_query.hpp>
#include <boost/url/params_view.hpp>
#include <boost/url/params_encoded_view.hpp>
#include <fmt/format.h>

#include "model/json_text.hpp"
#include "store/layout/fields.hpp"
#include "store/layout/read.hpp"

namespace matriarch::store::layout {
namespace {

namespace json = boost::json;

// Governor's format, from before members were JSON: postgres://...?application_name=<api_url>.
json::object from_legacy_url(std::string_view text) {
  json::object document;
  const auto question = text.find('?');
  document["conn_url"] = text.substr(0, question);
  if (question == std::string_view::npos) return document;
  const auto query = boost::urls::parse_query(text.substr(question + 1));
  if (!query) return document;
  const boost::urls::params_view parameters(*query);
  for (const auto parameter : parameters) {
    if (parameter.key == "application_name" && parameter.has_value) document["api_url"] = parameter.value;
  }
  return document;
}

json::object read_document(std::string_view value) {
  if (value.starts_with("postgres")) return from_legacy_url(value);
  auto parsed = model::read_json(value);
  if (!parsed || !parsed->is_object()) return {};
  return std::move(parsed->get_object());
}

std::string url_of(const json::object& conn_kwargs) {
  const std::string host = text_field(conn_kwargs, "host");
  if (host.empty()) return {};
  const auto* port = conn_kwargs.if_contains("port");
  const std::uint64_t number = port ? natural_or_text(*port).value_or(5432) : 5432;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  const std::string database = text_field(conn_kwargs, "dbname");
  return fmt::format("postgres://{}{}{}:{}/{}", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", number, database.empty() ? "postgres" : database);
}

std::string conn_url_of(const json::object& document) {
  std::string url = text_field(document, "conn_url");
  if (!url.empty()) return url;
  const auto* arguments = document.if_contains("conn_kwargs");
  return arguments && arguments->is_object() ? url_of(arguments->get_object()) : std::string();
}

std::string role_of(const json::object& document) {
  std::string role = text_field(document, "role");
  return role == "master" ? "primary" : role;
}

bool is_value(const json::object& document, std::string_view name, bool wanted) {
  const auto* value = document.if_contains(name);
  return value && value->is_bool() && value->get_bool() == wanted;
}

std::uint64_t number_field(const json::object& document, std::string_view name) {
  const auto* value = document.if_contains(name);
  return value ? natural_or_text(*value).value_or(0) : 0;
}

}  // namespace

model::Member read_member(const model::MemberName& name, const Record& record) {
  model::Member member{.name = name, .revision = {record.mod_revision}, .session = record.session};
  member.data = read_document(record.value);
  const json::object& document = member.data;
  member.conn_url = conn_url_of(document);
  member.api_url = text_field(document, "api_url");
  if (std::string state = text_field(document, "state"); !state.empty()) member.state = std::move(state);
  member.role = role_of(document);
  member.version = text_field(document, "version");
  // Null or an array here stops Patroni's loop on every node; to us such tags are no tags.
  if (const auto* tags = document.if_contains("tags"); tags && tags->is_object()) member.tags.custom = tags->get_object();
  member.lsn = model::Lsn{number_field(document, "xlog_location")};
  if (const std::uint64_t timeline = number_field(document, "timeline"); timeline <= UINT32_MAX) {
    member.timeline = model::Timeline{static_cast<std::uint32_t>(timeline)};
  }
  member.checkpoint_after_promote_done = !is_value(document, "checkpoint_after_promote", false);
  member.paused = is_value(document, "pause", true);
  return member;
}

}  // namespace matriarch::store::layout
