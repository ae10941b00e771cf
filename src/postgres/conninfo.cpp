#include "postgres/conninfo.hpp"

#include <libpq-fe.h>

#include <array>
#include <memory>

#include <fmt/format.h>

#include "postgres/text.hpp"

namespace matriarch::postgres {
namespace {

struct Keyword {
  std::string_view name;
  int from;  // first version that knows it
};
constexpr std::array kKeywords = {
    Keyword{"dbname", 0}, Keyword{"user", 0}, Keyword{"passfile", 0}, Keyword{"host", 0}, Keyword{"port", 0},
    Keyword{"sslmode", 0}, Keyword{"sslcompression", 0}, Keyword{"sslcert", 0}, Keyword{"sslkey", 0}, Keyword{"sslpassword", 130000},
    Keyword{"sslrootcert", 0}, Keyword{"sslcrl", 0}, Keyword{"sslcrldir", 140000}, Keyword{"application_name", 0}, Keyword{"krbsrvname", 0},
    Keyword{"gssencmode", 120000}, Keyword{"channel_binding", 130000}, Keyword{"target_session_attrs", 100000}, Keyword{"sslnegotiation", 170000},
};

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\'' || c == '\\' || c == ' ') text += '\\';
    text += c;
  }
  return text;
}

std::string passfile_field(std::string_view value) {
  if (value.empty()) return "*";
  std::string text;
  for (const char c : value) {
    if (c == ':' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

std::string_view value_of(const Conninfo& conninfo, const std::string& keyword) {
  const auto found = conninfo.find(keyword);
  return found == conninfo.end() ? std::string_view{} : std::string_view(found->second);
}

}  // namespace

std::string render(const Conninfo& conninfo, int major_version) {
  std::string text;
  for (const Keyword& keyword : kKeywords) {
    const auto found = conninfo.find(std::string(keyword.name));
    if (found == conninfo.end() || major_version < keyword.from) continue;
    if (!text.empty()) text += ' ';
    text += fmt::format("{}={}", keyword.name, escaped(found->second));
  }
  return text;
}

std::optional<Conninfo> parse_conninfo(const std::string& text) {
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(PQconninfoParse(text.c_str(), nullptr), PQconninfoFree);
  if (!options) return std::nullopt;
  Conninfo conninfo;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) conninfo[option->keyword] = option->val;
  }
  return conninfo;
}

void add_credentials(Conninfo& conninfo, const model::Credentials& credentials) {
  if (!credentials.username.empty()) conninfo["user"] = credentials.username;
  if (!credentials.password.empty()) conninfo["password"] = credentials.password;
  for (const auto& [keyword, value] : credentials.other) conninfo[keyword] = value;
}

std::optional<std::string> passfile_content(const Conninfo& conninfo) {
  const auto password = value_of(conninfo, "password");
  if (password.empty()) return std::nullopt;
  const auto hosts = split(value_of(conninfo, "host"), ',');
  std::string content;
  bool has_socket = false, has_localhost = false;
  const auto add = [&](std::string_view host) {
    content += fmt::format("{}:{}:*:{}:{}\n", passfile_field(host), passfile_field(value_of(conninfo, "port")), passfile_field(value_of(conninfo, "user")),
                           passfile_field(password));
  };
  for (const auto host : hosts) {
    has_socket = has_socket || host.starts_with('/');
    has_localhost = has_localhost || host == "localhost";
    add(host);
  }
  if (has_socket && !has_localhost) add("localhost");
  return content;
}

}  // namespace matriarch::postgres
