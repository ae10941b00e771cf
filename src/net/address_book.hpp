// The addresses of one host name, remembered, so that a slow or broken name service does not stand in the way of a
// server that is where it was. Internal to the room.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "net/http.hpp"

namespace matriarch::net {

class AddressBook : public std::enable_shared_from_this<AddressBook> {
 public:
  using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;

  // An address in place of a name is known from the start and never looked up.
  AddressBook(boost::asio::any_io_executor executor, std::string host, std::uint16_t port);

  // What was found last; empty before the first look. When that is old, looks again without anybody waiting for it.
  Addresses known();
  // Asks the name service now. Cancelled by cancelling `resolver`, which may take until the name service answers.
  boost::asio::awaitable<NetResult<Addresses>> look_up(boost::asio::ip::tcp::resolver& resolver);
  // Takes these for the addresses of the name, as of now.
  void remember(Addresses addresses);

 private:
  using Results = boost::asio::ip::tcp::resolver::results_type;
  static Addresses addresses_of(const Results& results);

  std::string host_;
  std::string port_;
  bool is_literal_ = false;
  bool refreshing_ = false;
  boost::asio::ip::tcp::resolver background_;
  Addresses addresses_;
  std::chrono::steady_clock::time_point since_;
};

}  // namespace matriarch::net
