#include "net/http.hpp"

#include <boost/beast/core/string.hpp>

namespace matriarch::net {

std::optional<std::string_view> find_header(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (boost::beast::iequals(header.name, name)) return header.value;
  }
  return std::nullopt;
}

}  // namespace matriarch::net
