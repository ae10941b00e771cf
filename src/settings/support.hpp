// Every key of the local and the dynamic configuration that Matriarch knows of, and what it does with it.
//
// One table: unknown keys are found with it, docs/compatibility.md is generated from it, and tests compare it with what
// the code reads.
#pragma once

#include <boost/json.hpp>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "settings/complaint.hpp"

namespace matriarch::settings {

enum class Support {
  kSupported,
  kDiffers,   // supported; `note` says what is different from Patroni
  kNoEffect,  // accepted without effect, and said so: `note` says why nothing is lost
  kRefused,   // an error that names it: to ignore it would be to do something else than asked
};

enum class Apply { kReload, kPostgresRestart, kAgentRestart, kBootstrap, kDynamicOnly };

// `path` is dotted; "*" stands for any one name, a last "**" for everything below (and for the thing itself).
struct Key {
  std::string_view path;
  std::string_view type;           // for people: "string", "host:port", ...
  std::string_view default_value;  // as an operator would write it; empty: none
  Apply apply;
  Support support = Support::kSupported;
  std::string_view note = {};
  bool operator==(const Key&) const = default;
};

std::span<const Key> local_keys();
std::span<const Key> dynamic_keys();  // also valid below `bootstrap.dcs`

// The row for a path; exact names win over "*", that over "**".
const Key* find_key(std::span<const Key> keys, std::string_view path);

struct KeyCheck {
  std::span<const Key> keys;
  std::string prefix;                              // put before each path: "bootstrap.dcs."
  bool strict = false;                             // unknown keys are errors
  std::span<const std::string_view> strict_sections = {};  // in these they always are
  std::function<bool(std::string_view)> is_known;  // further paths, such as the user's own replica methods; may be empty
};

// Complaints about the keys of a tree: unknown ones with the nearest known name, refused ones, ones without effect.
void check_keys(const boost::json::object& tree, const KeyCheck& check, Complaints& complaints);

// The nearest of `names`, at most a third of the word's letters (and at least one) away; nothing otherwise.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& names);

// As docs/compatibility.md says it.
std::string_view word_of(Support support);

// The tables as Markdown, for docs/compatibility.md: one for each section.
std::string compatibility_table();

}  // namespace matriarch::settings
