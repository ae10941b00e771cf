// One request of a client on its way through the API.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>

#include "consensus/server/api.hpp"
#include "consensus/server/json_fields.hpp"

namespace matriarch::consensus::server {

struct Api::Call {
  net::HttpRequest request;
  std::string path;
  boost::json::object body;
  std::optional<std::string> error;  // what is wrong with the body
  Moment deadline;

  JsonFields fields() { return JsonFields(body, error); }
};

inline net::HttpResponse ok(const boost::json::object& body) {
  return {.status = 200, .headers = {{"Content-Type", "application/json"}}, .body = boost::json::serialize(body)};
}

}  // namespace matriarch::consensus::server
