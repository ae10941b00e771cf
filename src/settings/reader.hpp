// Reads typed values out of one mapping of the configuration, and complains by path about what does not fit.
//
// A null counts as absent. A value that does not fit yields the default, and an error (or a warning where said).
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/settings.hpp"
#include "settings/complaint.hpp"

namespace matriarch::settings {

// The mapping under a key; an empty one where there is none, or something else.
const boost::json::object& mapping_at(const boost::json::object& tree, std::string_view key);

class Reader {
 public:
  // `section` may be null (absent). Anything but a mapping is an error; falsy values stand for an empty one.
  // Both references must outlive the reader.
  Reader(const boost::json::value* section, std::string path, Complaints& complaints);

  const boost::json::value* find(std::string_view key) const;  // null when absent or null
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const boost::json::object& object() const { return *object_; }
  std::string path_of(std::string_view key) const;
  Complaints& complaints() { return *complaints_; }

  std::string text(std::string_view key, std::string_view fallback = {});
  std::string required_text(std::string_view key);
  bool flag(std::string_view key, bool fallback = false);
  std::int64_t number(std::string_view key, std::int64_t fallback, std::int64_t least, std::int64_t most);
  // Seconds, fractions and units of time allowed.
  model::Milliseconds duration(std::string_view key, model::Milliseconds fallback, model::Milliseconds least, model::Milliseconds most);
  std::vector<std::string> texts(std::string_view key);  // a list; null items are skipped
  std::vector<std::string> texts_or_commas(std::string_view key);
  std::map<std::string, std::string> mapping(std::string_view key);  // string forms; null values are skipped
  // One of `words` (lower case), compared without case.
  std::string word(std::string_view key, std::string_view fallback, const std::vector<std::string_view>& words);
  // default_port 0: the port must be given.
  std::optional<model::HostPort> address(std::string_view key, std::uint16_t default_port);
  Reader section(std::string_view key) { return Reader(find(key), path_of(key), *complaints_); }

  void missing(std::string_view key);
  void wrong(std::string_view key, std::string what, std::string right = {});
  void warn(std::string_view key, std::string what, std::string right = {});

 private:
  void complain(Severity severity, std::string_view key, std::string what, std::string right);

  const boost::json::object* object_;
  std::string path_;
  Complaints* complaints_;
};

}  // namespace matriarch::settings
