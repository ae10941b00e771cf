#include "settings/schema_checks.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "settings/address.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

bool is_local_name(const std::string& host) {
  static constexpr std::array<std::string_view, 5> kLocalNames{"127.0.0.1", "0.0.0.0", "*", "::1", "localhost"};
  return std::find(kLocalNames.begin(), kLocalNames.end(), host) != kLocalNames.end();
}

// The hosts and the port, or nothing after having said why.
std::optional<model::HostPort> parsed(const CheckContext& context, const std::string& path, const json::value& value, std::uint16_t default_port) {
  if (!value.is_string()) {
    context.fail(path, value, "is not a string");
    return std::nullopt;
  }
  auto address = parse_host_port(value.get_string(), default_port);
  if (!address) context.fail_validation(path, value, "contains a wrong value");
  return address;
}

// Where a listener on all addresses is found from here.
std::string as_destination(const std::string& host) { return host.empty() || host == "*" || host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host; }

void check_not_in_use(const CheckContext& context, const std::string& path, const json::value& value, const model::HostPort& address) {
  if (context.rules.ignore_listen_port || !context.probes.accepts_connections) return;
  for (const std::string& host : split_list(address.host)) {
    if (context.probes.accepts_connections(as_destination(host), address.port)) {
      context.fail_validation(path, value, fmt::format("Port {} is already in use.", address.port));
      return;
    }
  }
}

}  // namespace

void CheckContext::fail(const std::string& path, const json::value& value, std::string wrong) const {
  complaints.push_back({.path = path, .value = shown_value(path, value), .wrong = std::move(wrong)});
}

void CheckContext::fail_validation(const std::string& path, const json::value& value, std::string_view reason) const {
  fail(path, value, fmt::format("didn't pass validation: {}", reason));
}

Check is_string() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_string()) context.fail(path, value, "is not a string");
  };
}

Check is_boolean() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_bool()) context.fail(path, value, "is not a boolean");
  };
}

Check is_integer() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_int64()) context.fail(path, value, "is not an integer");
  };
}

Check is_mapping() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_object()) context.fail(path, value, "is not a dictionary");
  };
}

Check is_non_empty_list_of_strings() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_array()) return context.fail(path, value, "is not a list");
    if (value.get_array().empty()) return context.fail(path, value, "is an empty list");
    std::size_t index = 0;
    for (const auto& item : value.get_array()) {
      if (!item.is_string()) context.fail(fmt::format("{}.{}", path, index), item, "is not a string");
      ++index;
    }
  };
}

Check is_non_empty_list_of_options() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (value.is_object()) return;
    if (!value.is_array()) return context.fail(path, value, "is not a list");
    if (value.get_array().empty()) return context.fail(path, value, "is an empty list");
    std::size_t index = 0;
    for (const auto& item : value.get_array()) {
      if (!item.is_string() && !item.is_object()) context.fail(fmt::format("{}.{}", path, index), item, "is not a string");
      ++index;
    }
  };
}

Check strict_integer(std::int64_t least, std::int64_t most) {
  return [=](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_int64()) context.fail(path, value, "is not an integer");
    else if (value.get_int64() < least || value.get_int64() > most) context.fail_validation(path, value, "Wrong value");
  };
}

Check integer(std::int64_t least, std::int64_t most, std::string_view base_unit) {
  return [=](const CheckContext& context, const std::string& path, const json::value& value) {
    const auto number = parse_int(value, base_unit);
    if (!number) context.fail(path, value, "is not an integer");
    else if (*number < least || *number > most) context.fail_validation(path, value, "Wrong value");
  };
}

Check real_above_zero(bool zero_allowed) {
  return [=](const CheckContext& context, const std::string& path, const json::value& value) {
    const auto number = parse_real(value);
    if (!number) context.fail(path, value, "is not a number");
    else if (zero_allowed ? *number < 0 : *number <= 0) context.fail_validation(path, value, "Wrong value");
  };
}

Check one_of(std::vector<std::string_view> words, bool any_case) {
  return [words = std::move(words), any_case](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_string()) return context.fail(path, value, "is not a string");
    const std::string text(value.get_string());
    const bool found = std::any_of(words.begin(), words.end(), [&](std::string_view word) { return any_case ? lower_case(text) == lower_case(word) : text == word; });
    if (!found) context.fail_validation(path, value, "Wrong value");
  };
}

Check address_to_connect() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    const auto address = parsed(context, path, value, 1);
    if (address && is_local_name(address->host)) {
      context.fail_validation(path, value, R"(must not contain "127.0.0.1", "0.0.0.0", "*", "::1", "localhost")");
    }
  };
}

Check address_to_reach() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    const auto address = parsed(context, path, value, 1);
    if (!address || !context.probes.accepts_connections) return;
    for (const std::string& host : split_list(address->host)) {
      if (!context.probes.accepts_connections(host, address->port)) {
        context.fail_validation(path, value, fmt::format("{} is not reachable", shown_value(path, value)));
      }
    }
  };
}

Check address_to_listen() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (const auto address = parsed(context, path, value, 0)) check_not_in_use(context, path, value, *address);
  };
}

Check addresses_to_listen() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    const auto address = parsed(context, path, value, 5432);
    if (!address) return;
    const auto hosts = split_list(address->host);
    if (hosts.size() > 1 && std::find(hosts.begin(), hosts.end(), "*") != hosts.end()) {
      return context.fail_validation(path, value, "expecting '*' alone");
    }
    check_not_in_use(context, path, value, *address);
  };
}

Check list_of(const Check& item, bool comma_text) {
  return [=](const CheckContext& context, const std::string& path, const json::value& value) {
    json::array items;
    if (value.is_array()) items = value.get_array();
    else if (comma_text && value.is_string()) {
      for (const std::string& text : split_list(value.get_string())) items.push_back(json::string(text));
    } else {
      return context.fail(path, value, "is not a list");
    }
    if (items.empty()) return context.fail(path, value, "is an empty list");
    for (std::size_t i = 0; i < items.size(); ++i) item(context, fmt::format("{}.{}", path, i), items[i]);
  };
}

Check ip_address() {
  return [](const CheckContext& context, const std::string& path, const json::value& value) {
    if (!value.is_string()) return context.fail(path, value, "is not a string");
    in6_addr address{};
    const std::string text(value.get_string());
    if (inet_pton(AF_INET, text.c_str(), &address) != 1 && inet_pton(AF_INET6, text.c_str(), &address) != 1) {
      context.fail_validation(path, value, "contains a wrong value");
    }
  };
}

}  // namespace matriarch::settings
