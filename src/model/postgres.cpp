#include "model/postgres.hpp"

#include <algorithm>
#include <charconv>
#include <cctype>

#include "model/letter_case.hpp"

namespace matriarch::model {

std::string_view to_text(PostgresState state) {
  switch (state) {
    case PostgresState::kInitializing: return "initializing new cluster";
    case PostgresState::kInitdbFailed: return "initdb failed";
    case PostgresState::kCustomBootstrap: return "running custom bootstrap script";
    case PostgresState::kCustomBootstrapFailed: return "custom bootstrap failed";
    case PostgresState::kCreatingReplica: return "creating replica";
    case PostgresState::kRunning: return "running";
    case PostgresState::kStarting: return "starting";
    case PostgresState::kStartingAfterCustomBootstrap: return "starting after custom bootstrap";
    case PostgresState::kStartFailed: return "start failed";
    case PostgresState::kRestarting: return "restarting";
    case PostgresState::kRestartFailed: return "restart failed";
    case PostgresState::kStopping: return "stopping";
    case PostgresState::kStopped: return "stopped";
    case PostgresState::kStopFailed: return "stop failed";
    case PostgresState::kCrashed: return "crashed";
  }
  return "unknown";
}

std::string_view to_text(PostgresRole role) {
  switch (role) {
    case PostgresRole::kUninitialized: return "uninitialized";
    case PostgresRole::kReplica: return "replica";
    case PostgresRole::kStandbyLeader: return "standby_leader";
    case PostgresRole::kPromoted: return "promoted";
    case PostgresRole::kPrimary: return "primary";
    case PostgresRole::kDemoted: return "demoted";
  }
  return "unknown";
}

namespace {

// Reads synchronous_standby_names token by token (PostgreSQL's repl_scanner).
class SyncNamesReader {
 public:
  explicit SyncNamesReader(std::string_view text) : rest_(text) {}

  bool at_end() {
    skip_space();
    return rest_.empty();
  }
  bool accept(char c) {
    skip_space();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // A name, a number or "*"; nothing at a delimiter.
  std::optional<std::string> word() {
    skip_space();
    if (accept('"')) return quoted();
    std::size_t length = 0;
    while (length < rest_.size() && !std::isspace(static_cast<unsigned char>(rest_[length])) &&
           std::string_view("(),\"").find(rest_[length]) == std::string_view::npos) {
      ++length;
    }
    if (length == 0) return std::nullopt;
    std::string word(rest_.substr(0, length));
    rest_.remove_prefix(length);
    was_quoted_ = false;
    return word;
  }
  bool was_quoted() const { return was_quoted_; }
  std::string_view rest() const { return rest_; }
  void reset(std::string_view rest) { rest_ = rest; }

 private:
  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front()))) rest_.remove_prefix(1);
  }
  std::optional<std::string> quoted() {
    std::string name;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c != '"') {
        name += c;
      } else if (!rest_.empty() && rest_.front() == '"') {
        name += '"';
        rest_.remove_prefix(1);
      } else {
        was_quoted_ = true;
        return name;
      }
    }
    return std::nullopt;  // the closing quote is missing
  }

  std::string_view rest_;
  bool was_quoted_ = false;
};

bool read_list(SyncNamesReader& reader, SyncNames& names) {
  do {
    auto name = reader.word();
    if (!name) return false;
    if (*name == "*" && !reader.was_quoted()) names.star = true;
    names.members.insert(MemberName(*name));
  } while (reader.accept(','));
  return true;
}

std::optional<int> to_count(const std::string& text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || end != text.data() + text.size() || count < 0) return std::nullopt;
  return count;
}

// "ANY N (...)", "FIRST N (...)" or "N (...)"; false leaves `names` to the plain form.
bool read_counted(SyncNamesReader& reader, SyncNames& names) {
  auto first = reader.word();
  if (!first || reader.was_quoted()) return false;
  const std::string keyword = lower(*first);
  std::optional<int> count;
  if (keyword == "any" || keyword == "first") {
    const auto number = reader.word();
    if (number) count = to_count(*number);
  } else {
    count = to_count(*first);
  }
  if (!count || !reader.accept('(')) return false;
  if (!read_list(reader, names) || !reader.accept(')') || !reader.at_end()) return false;
  names.kind = keyword == "any" ? SyncNames::Kind::kQuorum : SyncNames::Kind::kPriority;
  names.num = *count;
  return true;
}

}  // namespace

SyncNames parse_sync_names(std::string_view text) {
  SyncNames counted;
  SyncNamesReader reader(text);
  if (reader.at_end()) return {.text = std::string(text)};
  if (read_counted(reader, counted)) {
    counted.text = text;
    return counted;
  }
  SyncNames plain;
  SyncNamesReader again(text);
  if (!read_list(again, plain) || !again.at_end()) return {.text = std::string(text)};
  plain.kind = SyncNames::Kind::kPriority;
  plain.num = 1;
  plain.text = text;
  return plain;
}

}  // namespace matriarch::model
