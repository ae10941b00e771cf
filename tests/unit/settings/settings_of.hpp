// Settings from a piece of YAML, and matchers for complaints.
#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "settings/effective.hpp"
#include "settings/yaml.hpp"

namespace matriarch::settings {

inline boost::json::object object_of(std::string_view yaml) {
  auto document = parse_yaml(yaml, "test.yml");
  EXPECT_TRUE(document) << (document ? "" : to_text(document.error()));
  return document && document->value.is_object() ? document->value.get_object() : boost::json::object{};
}

// The smallest node with the embedded store; `more` is merged over it.
inline boost::json::object a_node(std::string_view more = "{}") {
  boost::json::object node = object_of(R"(
scope: demo
name: db1
restapi: {listen: '10.0.0.1:8008'}
postgresql:
  listen: '0.0.0.0:5432'
  data_dir: /data/pg
  authentication: {superuser: {username: postgres}, replication: {username: replicator}}
embedded: {}
)");
  for (const auto& [key, value] : object_of(more)) {
    boost::json::value& present = node[key];
    if (present.is_object() && value.is_object()) {
      for (const auto& [name, item] : value.get_object()) present.get_object()[name] = item;
    } else {
      present = value;
    }
  }
  return node;
}

inline std::string all_text(const Complaints& complaints) {
  std::string text;
  for (const Complaint& complaint : complaints) text += to_text(complaint) + "\n";
  return text;
}

MATCHER_P2(Complains, path, wrong, "complains") {
  *result_listener << to_text(arg);
  return arg.path == path && arg.wrong.find(wrong) != std::string::npos;
}

inline std::filesystem::path source_folder() {
  return MATRIARCH_PROJECT_DIR;
}

}  // namespace matriarch::settings
