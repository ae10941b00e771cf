#include "system/error.hpp"

#include <cstring>

namespace matriarch::system {

std::string SystemError::message() const {
  const char* reason = ::strerrordesc_np(code);
  return what + ": " + (reason != nullptr ? std::string(reason) : "error " + std::to_string(code));
}

}  // namespace matriarch::system
