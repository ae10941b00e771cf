#include "net/printable.hpp"

namespace matriarch::net {

std::string printable(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::string shown(text.substr(0, kLongest));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return shown;
}

}  // namespace matriarch::net
