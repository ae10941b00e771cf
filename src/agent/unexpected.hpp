// What becomes of an exception that nobody expected.
#pragma once

#include <exception>

namespace matriarch::agent {

// For co_spawn of work that nobody waits for. Swallowed, the exception would leave something under way for ever; it ends the
// agent instead: the guardian starts a new one at once, and the lease goes on.
struct EndsTheAgent {
  template <typename... Result>
  void operator()(std::exception_ptr thrown, const Result&...) const {
    if (thrown) std::rethrow_exception(thrown);
  }
};

}  // namespace matriarch::agent
