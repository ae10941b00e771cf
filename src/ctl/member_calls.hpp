// Calls of members' REST APIs.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "model/settings.hpp"
#include "net/http.hpp"

namespace matriarch::ctl {

// How long a member may take to say how it is.
inline constexpr std::chrono::milliseconds kProbe{1'500};

struct Call {
  std::string api_url;                       // as published: scheme, host and port count, the path does not
  std::string method = "GET";
  std::string endpoint;                      // "switchover", "matriarch/decisions?n=5"
  std::string body = {};                     // JSON; empty: none
  std::chrono::milliseconds timeout{5'000};  // of the whole call
};

class MemberCalls {
 public:
  virtual ~MemberCalls() = default;
  virtual boost::asio::awaitable<net::NetResult<net::HttpResponse>> call(Call call) = 0;
};

// With the credentials of the settings on every request, certificates as configured; `insecure`: the server's certificate may
// name another host, and without a certificate of our own (ctl.certfile) it is not verified at all. A connection that cannot be made is tried four times in all, whatever the method; a request that was sent is
// repeated only if it is a GET or DELETE.
std::unique_ptr<MemberCalls> make_member_calls(boost::asio::any_io_executor executor, const model::Settings& settings, bool insecure);

}  // namespace matriarch::ctl
