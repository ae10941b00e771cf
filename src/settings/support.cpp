#include "settings/support.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace matriarch::settings {
namespace {

namespace json = boost::json;

std::string_view first_part(std::string_view path) { return path.substr(0, path.find('.')); }
std::string_view after_first(std::string_view path) {
  const std::size_t dot = path.find('.');
  return dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
}

enum class Match { kNone, kInside, kEverything, kAnyName, kExact };

// How a path relates to a pattern; kInside: the pattern's keys stand below the path. Names with dots of their own (a
// logger, a parameter of an extension) are the last part of a path, so that "*" takes the whole rest.
Match match(std::string_view pattern, std::string_view path) {
  if (path.empty()) return pattern.empty() ? Match::kExact : pattern == "**" ? Match::kEverything : Match::kInside;
  if (pattern.empty()) return Match::kNone;
  if (pattern == "**") return Match::kEverything;
  if (pattern == "*") return Match::kAnyName;
  if (first_part(pattern) != first_part(path)) return Match::kNone;
  return match(after_first(pattern), after_first(path));
}

struct Found {
  Match match = Match::kNone;
  const Key* key = nullptr;
};

Found look_up(std::span<const Key> keys, std::string_view path) {
  Found best;
  for (const Key& key : keys) {
    const Match found = match(key.path, path);
    if (found > best.match) best = {found, &key};
  }
  return best;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// The names that may stand directly below `parent`.
std::vector<std::string> names_below(std::span<const Key> keys, std::string_view parent) {
  std::set<std::string> names;
  for (const Key& key : keys) {
    std::string_view rest = key.path;
    if (!parent.empty()) {
      if (!rest.starts_with(parent) || rest.size() <= parent.size() || rest[parent.size()] != '.') continue;
      rest.remove_prefix(parent.size() + 1);
    }
    const std::string_view name = first_part(rest);
    if (name != "*" && name != "**") names.emplace(name);
  }
  return {names.begin(), names.end()};
}

// The same name elsewhere: "synchronous_mode" at the top belongs below "bootstrap.dcs".
std::optional<std::string> same_name_elsewhere(std::string_view name) {
  for (const Key& key : dynamic_keys()) {
    if (key.path == name || (key.path.ends_with(".**") && first_part(key.path) == name)) return fmt::format("bootstrap.dcs.{}", name);
  }
  for (const Key& key : local_keys()) {
    if (key.support != Support::kRefused && last_part(key.path) == name) return std::string(key.path);
  }
  return std::nullopt;
}

class Checker {
 public:
  Checker(const KeyCheck& check, Complaints& complaints) : check_(check), complaints_(complaints) {}

  void visit(const json::object& tree, const std::string& parent) {
    for (const auto& [name, value] : tree) {
      const std::string path = parent.empty() ? std::string(name) : fmt::format("{}.{}", parent, std::string_view(name));
      visit_key(parent, std::string(name), path, value);
    }
  }

 private:
  void visit_key(const std::string& parent, const std::string& name, const std::string& path, const json::value& value) {
    const Found found = look_up(check_.keys, path);
    if (found.match == Match::kNone) {
      if (!check_.is_known || !check_.is_known(path)) unknown(parent, name, path);
    } else if (found.match == Match::kInside) {
      // A wrong type is told by whoever reads the section.
      if (value.is_object()) visit(value.get_object(), path);
    } else {
      known(*found.key, path);
    }
  }

  void known(const Key& key, const std::string& path) {
    if (key.support == Support::kRefused) {
      // One complaint for a whole section is enough.
      const std::string named = key.path.ends_with("**") || first_part(key.path) == "etcd" ? section_of(key, path) : path;
      if (!told_.insert(named).second) return;
      add(Severity::kError, named, fmt::format("is {}", key.note.empty() ? "not supported yet" : key.note), {});
    } else if (key.support == Support::kNoEffect) {
      add(Severity::kWarning, path, "has no effect", std::string(key.note));
    }
  }

  static std::string section_of(const Key& key, const std::string& path) {
    if (key.path == "**") return path;
    const std::string_view section = key.path.ends_with(".**") ? key.path.substr(0, key.path.size() - 3) : first_part(key.path);
    return std::string(section);
  }

  void unknown(const std::string& parent, const std::string& name, const std::string& path) {
    std::string right;
    if (const auto near = nearest(name, names_below(check_.keys, parent))) {
      right = fmt::format("did you mean {}{}?", check_.prefix, parent.empty() ? *near : fmt::format("{}.{}", parent, *near));
    } else if (const auto elsewhere = same_name_elsewhere(name)) {
      right = fmt::format("did you mean {}?", *elsewhere);
    }
    const auto& sections = check_.strict_sections;
    const bool is_error = check_.strict || std::find(sections.begin(), sections.end(), first_part(path)) != sections.end();
    add(is_error ? Severity::kError : Severity::kWarning, path, is_error ? "is not a known key" : "is not a known key and is ignored", right);
  }

  void add(Severity severity, const std::string& path, std::string wrong, std::string right) {
    complaints_.push_back({.severity = severity, .path = check_.prefix + path, .wrong = std::move(wrong), .right = std::move(right)});
  }

  const KeyCheck& check_;
  Complaints& complaints_;
  std::set<std::string> told_;
};

std::string_view word_of(Apply apply) {
  switch (apply) {
    case Apply::kReload: return "reload";
    case Apply::kPostgresRestart: return "reload, or restart of PostgreSQL";
    case Apply::kAgentRestart: return "restart of the agent";
    case Apply::kBootstrap: return "bootstrap only";
    case Apply::kDynamicOnly: return "dynamic only";
  }
  return {};
}

std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c;
  }
  return result;
}

std::string row_of(const Key& key, std::string_view path) {
  const std::string_view note = key.support == Support::kRefused && key.note.empty() ? "not supported yet" : key.note;
  return fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", path, cell(key.type), cell(key.default_value), word_of(key.apply), word_of(key.support),
                     cell(note));
}

// One table each; what is no section, or a single row for a whole one, stands in the first, without a name.
struct TableSection {
  std::string_view name;
  std::vector<const Key*> keys;
  bool is_refused() const {
    return std::all_of(keys.begin(), keys.end(), [](const Key* key) { return key->support == Support::kRefused; });
  }
};

std::vector<TableSection> sections_of(std::span<const Key> keys) {
  std::vector<TableSection> sections{{}};
  const auto is_alone = [&](const Key& key) {
    return std::count_if(keys.begin(), keys.end(), [&](const Key& other) { return first_part(other.path) == first_part(key.path); }) == 1;
  };
  for (const Key& key : keys) {
    const bool is_whole = after_first(key.path).empty() || (after_first(key.path) == "**" && is_alone(key));
    const std::string_view name = is_whole ? std::string_view() : first_part(key.path);
    auto found = std::find_if(sections.begin(), sections.end(), [&](const TableSection& section) { return section.name == name; });
    if (found == sections.end()) found = sections.insert(sections.end(), {.name = name, .keys = {}});
    found->keys.push_back(&key);
  }
  return sections;
}

std::string table_of(const std::vector<TableSection>& sections) {
  constexpr std::string_view kHead = "\n| key | type | default | applied by | support | note |\n| --- | --- | --- | --- | --- | --- |\n";
  std::string text(kHead);
  for (const Key* key : sections.front().keys) text += row_of(*key, key->path);
  for (const TableSection& section : sections) {
    if (section.name.empty() || !section.is_refused()) continue;
    Key whole = *section.keys.front();
    whole.type = "mapping";
    whole.default_value = {};
    text += row_of(whole, fmt::format("{}.**", section.name));
  }
  for (const TableSection& section : sections) {
    if (section.name.empty() || section.is_refused()) continue;
    text += fmt::format("\n#### `{}`\n{}", section.name, kHead);
    for (const Key* key : section.keys) text += row_of(*key, key->path);
  }
  return text;
}

bool is_as_in_the_file(const Key& key) {
  const auto keys = local_keys();
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string dynamic_table() {
  std::vector<Key> own;
  std::string shared;
  for (const Key& key : dynamic_keys()) {
    if (is_as_in_the_file(key)) shared += fmt::format("{}`{}`", shared.empty() ? "" : ", ", key.path);
    else own.push_back(key);
  }
  return table_of(sections_of(own)) + "\nAs in the local file, which counts where both say something: " + shared + ".\n";
}

}  // namespace

const Key* find_key(std::span<const Key> keys, std::string_view path) {
  const Found found = look_up(keys, path);
  return found.match == Match::kInside ? nullptr : found.key;
}

void check_keys(const json::object& tree, const KeyCheck& check, Complaints& complaints) {
  Checker(check, complaints).visit(tree, {});
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& names) {
  constexpr std::size_t kLongest = 64;  // nobody mistypes a name of this length, and the distance costs the product
  if (word.size() > kLongest) return std::nullopt;
  std::optional<std::string> best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& name : names) {
    const std::size_t distance = edit_distance(word, name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

std::string_view word_of(Support support) {
  switch (support) {
    case Support::kSupported: return "supported";
    case Support::kDiffers: return "differs";
    case Support::kNoEffect: return "no effect";
    case Support::kRefused: return "refused";
  }
  return {};
}

std::string compatibility_table() {
  return fmt::format("### Local configuration\n{}\n### Dynamic configuration (also `bootstrap.dcs`)\n{}", table_of(sections_of(local_keys())), dynamic_table());
}

}  // namespace matriarch::settings
