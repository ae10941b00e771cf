#include "settings/complaint.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "model/json_merge.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

constexpr std::string_view kMask = "***";
constexpr std::size_t kLongest = 120;

// A part of a path that holds one of these holds a secret, or something that was put in the place of one.
constexpr std::array kSecretWords{"password", "secret", "token", "authentication", "auth_data", "credential", "users", "conninfo"};
// Below `authentication` these are no secrets.
constexpr std::array<std::string_view, 13> kOpenNames{
    "username", "sslmode",    "sslcert",       "sslkey",          "sslrootcert",         "sslcrl", "sslcrldir",
    "gssencmode", "channel_binding", "sslnegotiation", "superuser", "replication", "rewind"};

// "http://user:password@host" -> "http://***@host"
std::string without_url_credentials(std::string text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string::npos) return text;
  const std::size_t at = text.find_last_of('@');
  if (at == std::string::npos || at < scheme) return text;
  return text.replace(scheme + 3, at - scheme - 3, kMask);
}

json::value masked(const std::string& path, const json::value& value) {
  if (value.is_object()) {
    json::object result;
    for (const auto& [key, item] : value.get_object()) result[key] = masked(fmt::format("{}.{}", path, std::string_view(key)), item);
    return result;
  }
  if (value.is_array()) {
    json::array result;
    for (const auto& item : value.get_array()) result.push_back(masked(path, item));
    return result;
  }
  if (is_secret(path) && !value.is_null() && !value.is_bool()) return json::string(kMask);
  if (value.is_string()) return json::string(without_url_credentials(std::string(value.get_string())));
  return value;
}

// One line: what would break a log line or a terminal is shown as a blank.
std::string on_one_line(std::string text) {
  if (text.size() > kLongest) {
    text.resize(kLongest);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();  // a cut character
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
    text += "...";
  }
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return text;
}

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    if (!text.empty()) text += ' ';
    text += part;
  }
  return text;
}

}  // namespace

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('.') + 1); }

bool has_errors(const Complaints& complaints) {
  return std::any_of(complaints.begin(), complaints.end(), [](const Complaint& c) { return c.severity == Severity::kError; });
}

std::string to_text(const Complaint& complaint) {
  return (complaint.severity == Severity::kError ? "error: " : "warning: ") + to_sentence(complaint);
}

std::string to_sentence(const Complaint& complaint) {
  std::string text;
  if (!complaint.where.empty()) text += on_one_line(complaint.where) + ": ";
  text += joined({on_one_line(complaint.path), complaint.value, complaint.wrong});
  if (!complaint.right.empty()) text += "; " + complaint.right;
  return text;
}

std::string to_validation_line(const Complaint& complaint) {
  if (complaint.path.empty() && !complaint.where.empty()) return fmt::format("{}: {}", on_one_line(complaint.where), complaint.wrong);
  return fmt::format("{} {} {}", on_one_line(complaint.path), complaint.value, complaint.wrong);
}

bool is_secret(std::string_view path) {
  const std::string_view name = last_part(path);
  if (std::find(kOpenNames.begin(), kOpenNames.end(), name) != kOpenNames.end() && path.find("authentication.") != std::string_view::npos) {
    return false;
  }
  // `password_encryption` is a setting of PostgreSQL, `password` a password.
  if (name == "password_encryption" || name == "server_tokens") return false;
  return std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&](std::string_view word) { return path.find(word) != std::string_view::npos; });
}

std::string shown_value(std::string_view path, const json::value& value) {
  return on_one_line(model::comparison_text(masked(std::string(path), value)));
}

}  // namespace matriarch::settings
