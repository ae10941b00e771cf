// Reading a JSON object the way etcd's gateway does: names in snake_case or camelCase, 64-bit numbers as strings or
// numbers, bytes in base64, enumerators by name or number. The first thing that is wrong is remembered; what comes
// after gives defaults.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace matriarch::consensus::server {

class JsonFields {
 public:
  // `error` is shared with the fields below it.
  JsonFields(const boost::json::object& object, std::optional<std::string>& error) : object_(object), error_(error) {}

  std::string bytes(std::string_view name) const;
  std::string text(std::string_view name) const;
  std::int64_t number(std::string_view name) const;
  std::uint64_t unsigned_number(std::string_view name) const;
  bool flag(std::string_view name) const;
  // The index of the value among `names`; 0 when absent.
  std::size_t choice(std::string_view name, std::initializer_list<std::string_view> names) const;

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const boost::json::object& raw() const { return object_; }
  std::optional<std::string>& error() const { return error_; }
  const boost::json::object* object(std::string_view name) const;  // null when absent or of another type (an error)
  const boost::json::array* array(std::string_view name) const;

 private:
  const boost::json::value* find(std::string_view name) const;
  void complain(std::string_view name, std::string_view expected) const;

  const boost::json::object& object_;
  std::optional<std::string>& error_;
};

}  // namespace matriarch::consensus::server
