// What an answer that is not a success means for the caller.
#pragma once

#include <string>
#include <string_view>

#include "net/http.hpp"
#include "ports/store.hpp"

namespace matriarch::store::etcd {

struct Failure {
  enum class Kind {
    kNotProcessed,  // this server did not take the request: ask another one
    kAmbiguous,     // the request may have been, or may yet be, carried out
    kLogin,         // not logged in, or not any more; not carried out
    kRefused,       // a definite answer: no
  };
  Kind kind = Kind::kNotProcessed;
  int code = 0;      // gRPC's, when the server gave one
  std::string what;
  bool was_silent = false;  // the time ran out, as opposed to an error that came at once

  bool is_missing_lease() const { return kind == Kind::kRefused && code == 5; }
};

template <typename T>
using Outcome = tl::expected<T, Failure>;

// An HTTP answer with a status of 400 or more.
Failure failure_of(unsigned status, std::string_view body);
Failure failure_of(const net::NetError& error);

// For one request that changes something. A lease that is gone is kLost.
ports::StoreError store_error(const Failure& failure);

}  // namespace matriarch::store::etcd
