// Every key, environment variable and dynamic key of the configuration that Matriarch knows of, and what it does with it.
//
// One table: unknown keys are found with it, docs/compatibility.md is generated from it, and a test compares it with
// what the code reads.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "settings/complaint.hpp"

namespace matriarch::settings {

enum class Support {
  kSupported,
  kDiffers,   // supported; `note` says what is different from Patroni
  kNoEffect,  // accepted without effect, and said so: `note` says why nothing is lost
  kRefused,   // an error that names it: ignoring it would do something else than asked
};

enum class Apply { kReload, kPostgresRestart, kAgentRestart, kBootstrap, kDynamicOnly };

// `path` is dotted; "*" stands for any one name, a last "**" for everything below.
struct Key {
  std::string_view path;
  std::string_view type;           // "string", "integer", "boolean", "list", "mapping", "host:port", ...
  std::string_view default_value;  // as an operator would write it; empty: none
  Apply apply;
  Support support = Support::kSupported;
  std::string_view note = {};
};

std::span<const Key> local_keys();
std::span<const Key> dynamic_keys();  // also valid below `bootstrap.dcs`

// The row for a path; exact names before "*".
const Key* find_key(std::span<const Key> keys, std::string_view path);

// Complaints about the keys of a tree: unknown ones with the nearest known name, refused and ineffective ones.
// `prefix` is put before each path ("bootstrap.dcs.").
void check_keys(const boost::json::object& tree, std::span<const Key> keys, std::string_view prefix, bool strict,
                Complaints& complaints);

// The nearest of `names` within a third of the word's length (at least one), or nothing.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names);

// The table as Markdown, for docs/compatibility.md.
std::string compatibility_table();

}  // namespace matriarch::settings
