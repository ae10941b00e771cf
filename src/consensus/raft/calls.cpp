#include "consensus/raft/calls.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>

#include "consensus/bell.hpp"
#include "consensus/machine/bytes.hpp"

namespace matriarch::consensus::raft {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kMaxQueuedBytes = 64u << 20;
constexpr auto kDialTimeout = std::chrono::milliseconds(1500);

struct Frame {
  std::uint64_t id = 0;
  std::string payload;
};

std::string encode(const Frame& frame) {
  machine::Writer writer;
  writer(frame.id, frame.payload);
  return writer.take();
}

std::optional<Frame> decode(std::string_view bytes) {
  machine::Reader reader(bytes);
  Frame frame;
  reader(frame.id, frame.payload);
  if (reader.failed() || !reader.at_end()) return std::nullopt;
  return frame;
}

// Frames written in the order they were given, one write at a time.
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  explicit Outbox(SecureStream stream) : stream_(std::move(stream)) {}

  void send(const Frame& frame) {
    queue_.push_back(encode(frame));
    queued_bytes_ += queue_.back().size();
    if (queued_bytes_ > kMaxQueuedBytes) return close();  // a peer that takes nothing any more
    if (std::exchange(writing_, true)) return;
    asio::co_spawn(stream_->get_executor(), write(shared_from_this()), asio::detached);
  }
  void close() { stream_->close(); }

 private:
  static asio::awaitable<void> write(std::shared_ptr<Outbox> self) {
    while (!self->queue_.empty()) {
      auto next = std::move(self->queue_.front());
      self->queue_.pop_front();
      self->queued_bytes_ -= next.size();
      const bool written = co_await write_frame(*self->stream_, std::move(next));
      if (!written) {
        self->close();
        self->queue_.clear();
        break;
      }
    }
    self->writing_ = false;
  }

  SecureStream stream_;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;
};

asio::awaitable<void> answer_one(std::shared_ptr<Outbox> outbox, Answerer answerer, Self caller, Frame request) {
  Frame answer{.id = request.id, .payload = {}};
  answer.payload = co_await answerer(std::move(caller), std::move(request.payload));
  outbox->send(answer);
}

asio::awaitable<void> serve(SecureStream stream, Self caller, Answerer answerer) {
  const auto outbox = std::make_shared<Outbox>(stream);
  for (;;) {
    auto bytes = co_await read_frame(*stream, kMaxCallBytes);
    auto request = bytes ? decode(*bytes) : std::nullopt;
    if (!request) break;
    asio::co_spawn(stream->get_executor(), answer_one(outbox, answerer, caller, std::move(*request)), asio::detached);
  }
  stream->close();
}

}  // namespace

void serve_calls(SecureStream stream, Self caller, Answerer answerer) {
  auto executor = stream->get_executor();
  asio::co_spawn(executor, serve(std::move(stream), std::move(caller), std::move(answerer)), asio::detached);
}

struct Calls::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::any_io_executor its_executor, Link& its_link) : executor(std::move(its_executor)), link(its_link) {}

  using Awaited = Pending<tl::expected<std::string, CallError>>;

  struct Channel {
    SecureStream stream;
    std::shared_ptr<Outbox> outbox;
    std::uint64_t peer_id = 0;
    std::uint64_t next_id = 1;
    std::map<std::uint64_t, std::shared_ptr<Awaited>> pending = {};
  };

  // One dial at a time to an address, with everybody who waits for it.
  struct Dialling {
    std::vector<std::shared_ptr<Awaited>> waiting = {};
  };

  static asio::awaitable<void> dial(std::shared_ptr<Impl> self, std::string address) {
    auto dialled = co_await self->link.dial(address, Purpose::kCalls, 0, kDialTimeout);
    if (self->closed) co_return;
    const auto waiting = std::move(self->dialling[address].waiting);
    self->dialling.erase(address);
    if (dialled) {
      auto channel = std::make_shared<Channel>();
      channel->stream = dialled->stream;
      channel->outbox = std::make_shared<Outbox>(dialled->stream);
      channel->peer_id = dialled->peer.raft_id;
      self->channels[address] = channel;
      asio::co_spawn(self->executor, receive(self, address, channel), asio::detached);
    }
    for (const auto& one : waiting) {
      one->finish(dialled ? tl::expected<std::string, CallError>("") : tl::unexpected(CallError{dialled.error()}));
    }
  }

  static asio::awaitable<void> receive(std::shared_ptr<Impl> self, std::string address, std::shared_ptr<Channel> channel) {
    for (;;) {
      auto bytes = co_await read_frame(*channel->stream, kMaxCallBytes);
      auto answer = bytes ? decode(*bytes) : std::nullopt;
      if (!answer) break;
      const auto found = channel->pending.extract(answer->id);
      if (!found.empty()) found.mapped()->finish(std::move(answer->payload));
    }
    channel->stream->close();
    if (const auto mine = self->channels.find(address); mine != self->channels.end() && mine->second == channel) {
      self->channels.erase(mine);
    }
    for (const auto& [id, pending] : std::exchange(channel->pending, {})) {
      pending->finish(tl::unexpected(CallError{"the connection to " + address + " was lost", true}));
    }
  }

  static asio::awaitable<tl::expected<std::string, CallError>> wait(std::shared_ptr<Awaited> awaited, Moment deadline) {
    auto result = co_await awaited->wait_until(deadline);
    if (result) co_return std::move(*result);
    co_return tl::unexpected(CallError{"no answer in time", true});
  }

  static asio::awaitable<tl::expected<std::string, CallError>> call(std::shared_ptr<Impl> self, std::string address,
                                                                    std::uint64_t wanted_id, std::string request,
                                                                    std::chrono::milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    if (!self->channels.contains(address)) {
      auto dialled = std::make_shared<Awaited>(self->executor);
      const bool first = !self->dialling.contains(address);
      self->dialling[address].waiting.push_back(dialled);
      if (first) asio::co_spawn(self->executor, dial(self, address), asio::detached);
      auto connected = co_await wait(dialled, deadline);
      if (!connected) co_return tl::unexpected(CallError{"cannot reach " + address + ": " + connected.error().what});
    }
    const auto found = self->channels.find(address);
    if (self->closed || found == self->channels.end()) co_return tl::unexpected(CallError{"closed"});
    const auto channel = found->second;
    if (wanted_id != 0 && channel->peer_id != wanted_id) {
      channel->outbox->close();  // another node took the address: find out anew next time
      co_return tl::unexpected(CallError{"another node is at " + address});
    }
    const auto id = channel->next_id++;
    auto pending = std::make_shared<Awaited>(self->executor);
    channel->pending.emplace(id, pending);
    channel->outbox->send({.id = id, .payload = std::move(request)});
    auto answer = co_await wait(pending, deadline);
    channel->pending.erase(id);
    co_return answer;
  }

  asio::any_io_executor executor;
  Link& link;
  std::map<std::string, std::shared_ptr<Channel>> channels;
  std::map<std::string, Dialling> dialling;
  bool closed = false;
};

Calls::Calls(asio::any_io_executor executor, Link& link) : impl_(std::make_shared<Impl>(std::move(executor), link)) {}

Calls::~Calls() {
  impl_->closed = true;
  for (const auto& [address, channel] : impl_->channels) channel->stream->close();
}

asio::awaitable<tl::expected<std::string, CallError>> Calls::call(std::string address, std::uint64_t wanted_id,
                                                                  std::string request,
                                                                  std::chrono::milliseconds timeout) {
  return Impl::call(impl_, std::move(address), wanted_id, std::move(request), timeout);
}

}  // namespace matriarch::consensus::raft
