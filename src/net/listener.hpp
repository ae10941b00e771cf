// Binds what a server listens on. For this room and consensus/raft.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>
#include <vector>

#include "net/http_server.hpp"

namespace matriarch::net {

// One acceptor for each address the name stands for; with port 0 all get the same free port. "*", "" and "::" take IPv6
// and IPv4, or IPv4 alone where the system has no IPv6.
NetResult<std::vector<boost::asio::ip::tcp::acceptor>> bind_tcp(boost::asio::any_io_executor executor,
                                                                const std::string& address, std::uint16_t port);

// A socket file that nobody listens on is replaced.
NetResult<boost::asio::local::stream_protocol::acceptor> bind_unix(boost::asio::any_io_executor executor,
                                                                   const ListenUnix& listen);

}  // namespace matriarch::net
