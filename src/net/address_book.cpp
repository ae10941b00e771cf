#include "net/address_book.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/failure.hpp"

namespace matriarch::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::steady_clock;
namespace {

constexpr std::chrono::seconds kOld{30};

}  // namespace

AddressBook::AddressBook(asio::any_io_executor executor, std::string host, std::uint16_t port)
    : host_(std::move(host)), port_(std::to_string(port)), background_(std::move(executor)) {
  error_code code;
  const auto address = asio::ip::make_address(host_, code);
  is_literal_ = !code;
  if (is_literal_) addresses_ = {tcp::endpoint(address, port)};
}

AddressBook::Addresses AddressBook::known() {
  const bool is_old = !is_literal_ && !addresses_.empty() && steady_clock::now() - since_ > kOld;
  if (is_old && !refreshing_) {
    refreshing_ = true;
    background_.async_resolve(host_, port_, tcp::resolver::numeric_service,
                              [self = shared_from_this()](const error_code& code, const Results& results) {
                                self->refreshing_ = false;
                                // On failure the old addresses stay: if they are wrong too, connecting will say so.
                                if (!code) self->remember(addresses_of(results));
                              });
  }
  return addresses_;
}

asio::awaitable<NetResult<AddressBook::Addresses>> AddressBook::look_up(tcp::resolver& resolver) {
  const auto self = shared_from_this();
  if (is_literal_) co_return addresses_;
  error_code code;
  const auto results = co_await resolver.async_resolve(host_, port_, tcp::resolver::numeric_service,
                                                       asio::redirect_error(asio::use_awaitable, code));
  if (code) co_return tl::unexpected(net_error(NetFailure::kUnresolved, "resolve " + host_, code));
  remember(addresses_of(results));
  co_return addresses_;
}

void AddressBook::remember(Addresses addresses) {
  addresses_ = std::move(addresses);
  since_ = steady_clock::now();
}

AddressBook::Addresses AddressBook::addresses_of(const Results& results) {
  Addresses addresses;
  for (const auto& result : results) addresses.push_back(result.endpoint());
  return addresses;
}

}  // namespace matriarch::net
