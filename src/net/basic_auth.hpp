// HTTP basic authentication (RFC 7617).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace matriarch::net {

struct BasicCredentials {
  std::string username;  // has no colon
  std::string password;
};

// Of the value of an Authorization header; nothing for another scheme or bad base64.
std::optional<BasicCredentials> parse_basic_auth(std::string_view header_value);
// The value of an Authorization header.
std::string make_basic_auth(const BasicCredentials& credentials);

// Whether the request carries exactly these credentials. The time taken does not depend on where they differ.
bool is_authorized(const std::vector<Header>& headers, const BasicCredentials& expected);

// Equal content, compared in a time that depends on the lengths alone.
bool equals_in_constant_time(std::string_view a, std::string_view b);

}  // namespace matriarch::net
