// A failed system call as a value: the errno and what was tried.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace matriarch::system {

struct SystemError {
  int code = 0;      // an errno value, never 0
  std::string what;  // what was tried, with the name of the thing: "open /dev/watchdog"

  // "open /dev/watchdog: No such file or directory"
  std::string message() const;
};

template <typename T>
using SystemResult = tl::expected<T, SystemError>;

// Takes errno as it stands at the call: nothing may come between the failed call and this one.
inline tl::unexpected<SystemError> failed(std::string_view what, std::string_view name = {}) {
  const int code = errno;
  SystemError error{.code = code, .what = std::string(what)};
  if (!name.empty()) error.what.append(" ").append(name);
  return tl::unexpected(std::move(error));
}

inline tl::unexpected<SystemError> failed_with(int code, std::string what) {
  return tl::unexpected(SystemError{.code = code, .what = std::move(what)});
}

}  // namespace matriarch::system
