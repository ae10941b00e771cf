#include "rest/target.hpp"

namespace matriarch::rest {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

// "+" is a blank; a "%" that no two hexadecimal digits follow stands for itself.
std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) && hex_digit(text[i + 2])) {
      decoded += static_cast<char>(*hex_digit(text[i + 1]) * 16 + *hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

void add_parameter(Target& target, std::string_view pair) {
  const auto equals = pair.find('=');
  if (equals == std::string_view::npos || equals + 1 == pair.size()) {
    target.flags.insert(decode(pair.substr(0, equals)));
    return;
  }
  target.query.emplace(decode(pair.substr(0, equals)), decode(pair.substr(equals + 1)));
}

}  // namespace

std::optional<std::string_view> Target::parameter(std::string_view name) const {
  const auto found = query.find(name);
  if (found == query.end()) return std::nullopt;
  return found->second;
}

Target parse_target(std::string_view text) {
  Target target;
  const auto mark = text.find('?');
  std::string_view path = text.substr(0, mark);
  while (path.starts_with("//")) path.remove_prefix(1);
  target.path = path;
  if (path.starts_with('/')) path.remove_prefix(1);
  target.segment = path.substr(0, path.find('/'));
  std::string_view query = mark == std::string_view::npos ? std::string_view{} : text.substr(mark + 1);
  query = query.substr(0, query.find('#'));
  while (!query.empty()) {
    const auto end = query.find('&');
    add_parameter(target, query.substr(0, end));
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
  }
  return target;
}

}  // namespace matriarch::rest
