// docs/compatibility.md says of every key and variable what the tables say, and the tables name what is read.
#include <fmt/format.h>

#include "settings/environment.hpp"
#include "settings/support.hpp"
#include "unit/document.hpp"

namespace matriarch::settings {
namespace {

using document::Names;

const Key& key_of(const Variable& variable) {
  const Key* key = find_key(local_keys(), variable.path);
  if (!key) key = find_key(local_keys(), variable.path + ".any");
  EXPECT_NE(key, nullptr) << variable.name;
  return *key;
}

// PATRONI_CONSUL_HOST -> consul, when the whole section is refused; else nothing.
std::string refused_section_of(const Variable& variable) {
  const std::string section = variable.path.substr(0, variable.path.find('.'));
  bool is_there = false, is_refused = true;
  for (const Key& key : local_keys()) {
    if (!key.path.starts_with(section + ".")) continue;
    is_there = true;
    is_refused &= key.support == Support::kRefused;
  }
  return is_there && is_refused ? section : std::string();
}

std::string in_capitals(std::string name) {
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string environment_table() {
  std::string text = "\n| variable | key | read as | support | note |\n| --- | --- | --- | --- | --- |\n";
  std::map<std::string, int> refused;
  for (const Variable& variable : known_variables()) {
    if (variable.path.empty()) {
      text += fmt::format("| `{}` | everything | YAML | supported | where there is no file; then no other variable counts |\n", variable.name);
    } else if (const auto section = refused_section_of(variable); !section.empty() && variable.name.starts_with("PATRONI_" + in_capitals(section) + "_")) {
      ++refused[section];
    } else {
      const Key& key = key_of(variable);
      text += fmt::format("| `{}` | `{}` | {} | {} | |\n", variable.name, variable.path, variable.reading, word_of(key.support));
    }
  }
  for (const auto& [section, count] : refused) {
    text += fmt::format("| `PATRONI_{}_*` | `{}.**` | | refused | {} variables: they make the section, and that is an error |\n", in_capitals(section), section, count);
  }
  return text + "\n";
}

// One function of a source file: from its head to the brace that ends it.
std::string function_in(const char* file, const std::string& head) {
  const std::string text = document::text_of(document::kProject / "src/settings" / file);
  const auto begin = text.find(head);
  EXPECT_NE(begin, std::string::npos) << head;
  return begin == std::string::npos ? std::string() : text.substr(begin, text.find("\n}", begin) - begin);
}

constexpr const char* kRead =
    R"xx((?:\.|>)(?:text|required_text|flag|number|duration|texts|texts_or_commas|mapping|word|address|section|has|find|warn|wrong|missing)\("([a-z_]+)")xx";

TEST(Compatibility, EveryKeyIsInTheDocument) { document::expect_printed("settings", "\n" + compatibility_table() + "\n"); }

TEST(Compatibility, EveryVariableIsInTheDocument) { document::expect_printed("environment", environment_table()); }

TEST(Compatibility, KeysOfOwnMethodsAreThoseThatAreRead) {
  Names bootstrap, replica;
  for (const auto& row : document::rows_of("methods")) {
    ASSERT_TRUE(document::is_known(row.at(2))) << row.at(1);
    auto& of = row.at(0).starts_with("`bootstrap.") ? bootstrap : replica;
    for (const auto& key : document::codes_in(row.at(1))) of.insert(key);
  }
  document::expect_same(bootstrap, document::matches_in(function_in("sections.cpp", "void read_custom_method("), R"xx(reader\.\w+\("([a-z_]+)")xx"));
  document::expect_same(replica, document::matches_in(function_in("postgresql_section.cpp", "model::ReplicaMethod read_method("), R"xx(reader\.\w+\("([a-z_]+)")xx"));
}

// A key that is read and in no table would be called unknown to whoever uses it, and be missing in the document.
TEST(Compatibility, EveryKeyThatIsReadIsInATable) {
  Names parts;
  for (const auto keys : {local_keys(), dynamic_keys()}) {
    for (const Key& key : keys) {
      for (const auto& part : document::matches_in(std::string(key.path), "([a-z_0-9]+)")) parts.insert(part);
    }
  }
  for (const auto& row : document::rows_of("methods")) {
    for (const auto& key : document::codes_in(row.at(1))) parts.insert(key);
  }
  for (const char* file : {"sections.cpp", "postgresql_section.cpp", "store_section.cpp", "dynamic.cpp", "effective.cpp", "timing.cpp"}) {
    const auto read = document::matches_in(document::text_of(document::kProject / "src/settings" / file), kRead);
    for (const auto& name : read) EXPECT_TRUE(parts.contains(name)) << file << " reads " << name;
  }
}

// What the document calls supported, and nothing reads, would be ignored without a word.
TEST(Compatibility, EverySupportedKeyIsRead) {
  const std::string sources = document::sources_of("", {"key_table.cpp", "validate.cpp", "file_checks.cpp", "generate.cpp"});
  for (const auto keys : {local_keys(), dynamic_keys()}) {
    for (const Key& key : keys) {
      if (key.support != Support::kSupported && key.support != Support::kDiffers) continue;
      std::string name;
      std::istringstream parts{std::string(key.path)};
      for (std::string part; std::getline(parts, part, '.');) {
        if (!part.starts_with('*')) name = part;
      }
      // parameters_primary and its like are put together from the role.
      const bool is_of_a_role = name.ends_with("_primary") || name.ends_with("_replica") || name.ends_with("_standby_leader");
      EXPECT_TRUE(is_of_a_role || sources.find('"' + name + '"') != std::string::npos) << key.path;
    }
  }
}

}  // namespace
}  // namespace matriarch::settings
