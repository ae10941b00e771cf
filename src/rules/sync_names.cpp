#include "rules/sync_names.hpp"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <vector>

#include "model/letter_case.hpp"
#include "rules/facts.hpp"

namespace matriarch::rules {

using model::MemberName;

namespace {

bool is_keyword(std::string_view text) {
  return model::equal_without_case(text, "first") || model::equal_without_case(text, "any");
}

bool is_plain(const std::string& text) {
  const auto is_letter = [](unsigned char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  const auto is_other = [](unsigned char c) { return (c >= '0' && c <= '9') || c == '$'; };
  if (text.empty() || !is_letter(static_cast<unsigned char>(text.front())) || is_keyword(text)) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return is_letter(byte) || is_other(byte);
  });
}

std::string quoted(const std::string& text) {
  if (is_plain(text)) return text;
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

}  // namespace

std::string sync_names_text(const std::set<MemberName>& names, int num, bool any) {
  if (names.contains(MemberName("*")) || (names.empty() && num >= 1)) return kNobody;
  if (names.empty()) return {};
  std::vector<std::string> list;
  for (const MemberName& name : names) list.push_back(quoted(name.text));
  const int count = num > 0 ? num : static_cast<int>(names.size());
  if (any) return fmt::format("ANY {} ({})", count, fmt::join(list, ","));
  if (names.size() == 1) return list.front();
  return fmt::format("{} ({})", count, fmt::join(list, ","));
}

model::SyncNames sync_names(const std::set<MemberName>& names, int num, bool any) {
  return model::parse_sync_names(sync_names_text(names, num, any));
}

std::set<MemberName> members_of(const model::SyncNames& names) {
  std::set<MemberName> members = names.members;
  members.erase(MemberName(kNobody));
  return members;
}

int min_sync(const Situation& s) { return s.seen.dynamic().synchronous_mode_strict ? 1 : 0; }
int sync_wanted(const Situation& s) { return std::max({s.seen.dynamic().synchronous_node_count, min_sync(s), 0}); }

std::string own_sync_names(const Situation& s) {
  const auto& parameters = s.seen.settings->postgresql.parameters;
  const auto found = parameters.find("synchronous_standby_names");
  return found == parameters.end() ? std::string() : found->second;
}

}  // namespace matriarch::rules
