// From error codes of Asio, OpenSSL and Beast to NetError. For this room and consensus/raft.
#pragma once

#include <boost/system/error_code.hpp>
#include <string>

#include "net/http.hpp"

namespace matriarch::net {

// What kind of failure `code` is on an established connection.
NetFailure classify(const boost::system::error_code& code);

// "connect to 10.0.0.1:2379: Connection refused"
NetError net_error(NetFailure failure, const std::string& doing, const boost::system::error_code& code);
inline NetError net_error(const std::string& doing, const boost::system::error_code& code) {
  return net_error(classify(code), doing, code);
}

// The oldest entry of OpenSSL's error queue of this thread as text; empties the queue.
std::string take_openssl_error();

}  // namespace matriarch::net
