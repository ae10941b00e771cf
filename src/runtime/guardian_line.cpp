#include "runtime/guardian_line.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <optional>

#include "guardian/run_directory.hpp"
#include "system/unix_socket.hpp"

namespace matriarch::runtime {

namespace asio = boost::asio;
using guardian::ControlMessage;
using guardian::MessageKind;
using Answer = model::Result<ControlMessage, std::string>;

class GuardianLine::Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(asio::any_io_executor executor, std::string run_directory)
      : executor_(std::move(executor)), path_(guardian::control_path(run_directory)), readable_(executor_) {}

  asio::awaitable<Answer> ask(ControlMessage message, std::vector<system::Fd> fds, model::Milliseconds timeout);
  void on_news(std::function<void(const ControlMessage&)> callback);
  void close();

 private:
  // Somebody who waits for an answer; lives in the waiting coroutine, and is known for as long.
  struct Waiting {
    Waiting(Wire& wire, std::uint32_t number) : alarm(wire.executor_), owner(wire), request(number) { owner.waiting_.emplace(request, this); }
    ~Waiting() { owner.waiting_.erase(request); }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    asio::steady_timer alarm;
    std::optional<Answer> answer;
    Wire& owner;
    std::uint32_t request;
  };

  system::SystemResult<void> connect();
  system::SystemResult<void> send(ControlMessage message, const std::vector<system::Fd>& fds);
  static asio::awaitable<void> read_all(std::shared_ptr<Wire> wire);
  bool take_messages();
  void deliver(const ControlMessage& message);
  void hang_up(const std::string& why);

  asio::any_io_executor executor_;
  std::string path_;
  system::Fd socket_;
  asio::posix::stream_descriptor readable_;  // a duplicate of socket_, to wait on
  std::map<std::uint32_t, Waiting*> waiting_;
  std::uint32_t last_request_ = 0;
  std::function<void(const ControlMessage&)> news_;
};

asio::awaitable<Answer> GuardianLine::Wire::ask(ControlMessage message, std::vector<system::Fd> fds, model::Milliseconds timeout) {
  const auto self = shared_from_this();
  message.request = ++last_request_;
  if (const auto sent = send(message, fds); !sent) co_return tl::unexpected(sent.error().message());
  Waiting waiting(*this, message.request);
  waiting.alarm.expires_after(timeout);
  while (!waiting.answer) {
    const auto [error] = co_await waiting.alarm.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!error) break;  // the time is over
    const bool cancelled = !waiting.answer && (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
    if (cancelled) break;
  }
  if (waiting.answer) co_return *std::move(waiting.answer);
  co_return tl::unexpected(std::string("the guardian gave no answer in time"));
}

void GuardianLine::Wire::on_news(std::function<void(const ControlMessage&)> callback) {
  news_ = std::move(callback);
  if (socket_) (void)guardian::send_control(socket_, {.kind = MessageKind::kSubscribe});
}

void GuardianLine::Wire::close() {
  news_ = nullptr;
  hang_up("closed");
}

system::SystemResult<void> GuardianLine::Wire::connect() {
  if (socket_) return {};
  auto socket = system::connect_seqpacket(path_, true);
  if (!socket) return tl::unexpected(socket.error());
  system::Fd duplicate(::dup(socket->get()));
  if (!duplicate) return system::failed("duplicate the guardian's socket");
  socket_ = std::move(*socket);
  readable_.assign(duplicate.release());
  if (news_) {
    if (auto subscribed = guardian::send_control(socket_, {.kind = MessageKind::kSubscribe}); !subscribed) return subscribed;
  }
  asio::co_spawn(executor_, read_all(shared_from_this()), asio::detached);
  return {};
}

// A guardian that hung up since the last message is tried once more: it may be another one by now.
system::SystemResult<void> GuardianLine::Wire::send(ControlMessage message, const std::vector<system::Fd>& fds) {
  std::vector<int> numbers;
  for (const system::Fd& fd : fds) numbers.push_back(fd.get());
  const bool was_connected = static_cast<bool>(socket_);
  if (auto connected = connect(); !connected) return connected;
  auto sent = guardian::send_control(socket_, message, numbers);
  if (sent || !was_connected) return sent;
  hang_up(sent.error().message());
  if (auto connected = connect(); !connected) return connected;
  return guardian::send_control(socket_, message, numbers);
}

asio::awaitable<void> GuardianLine::Wire::read_all(std::shared_ptr<Wire> wire) {
  while (true) {
    const auto [error] = co_await wire->readable_.async_wait(asio::posix::stream_descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
    if (error) co_return;  // closed by us
    if (!wire->take_messages()) co_return;
  }
}

// False when the connection has ended.
bool GuardianLine::Wire::take_messages() {
  while (true) {
    const auto received = guardian::receive_control(socket_);
    if (received && *received) {
      deliver((*received)->message);
      if (!socket_) return false;
      continue;
    }
    if (!received && received.error().code == EAGAIN) return true;
    hang_up(received ? "the guardian hung up" : received.error().message());
    return false;
  }
}

void GuardianLine::Wire::deliver(const ControlMessage& message) {
  const bool is_answer = message.kind == MessageKind::kDone || message.kind == MessageKind::kRefused;
  if (!is_answer) {
    if (news_) news_(message);
    return;
  }
  const auto at = waiting_.find(message.request);
  if (at == waiting_.end()) return;  // to a subscription, or too late
  at->second->answer = message;
  at->second->alarm.cancel();
}

void GuardianLine::Wire::hang_up(const std::string& why) {
  boost::system::error_code ignored;  // closing ends it in any case
  readable_.close(ignored);
  socket_.reset();
  for (auto& [request, waiting] : waiting_) {
    waiting->answer = Answer(tl::unexpected(why));
    waiting->alarm.cancel();
  }
}

// ---- the handle ----------------------------------------------------------------------------------------------------

GuardianLine::GuardianLine(asio::any_io_executor executor, std::string run_directory)
    : wire_(std::make_shared<Wire>(std::move(executor), std::move(run_directory))) {}

GuardianLine::~GuardianLine() { wire_->close(); }

asio::awaitable<Answer> GuardianLine::ask(ControlMessage message, std::vector<system::Fd> fds, model::Milliseconds timeout) {
  return wire_->ask(message, std::move(fds), timeout);
}

void GuardianLine::on_news(std::function<void(const ControlMessage&)> callback) { wire_->on_news(std::move(callback)); }

}  // namespace matriarch::runtime
