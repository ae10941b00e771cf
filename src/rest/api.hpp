// The REST API of one node: listeners, access, routing. Lives on one executor, best with a thread of its own, so that
// neither the loop nor a slow client can starve the other.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "net/http_server.hpp"
#include "ports/board.hpp"
#include "ports/journal.hpp"
#include "ports/peers.hpp"
#include "rest/actions.hpp"
#include "rest/courier.hpp"
#include "rest/event_stream.hpp"
#include "rest/readings.hpp"

namespace matriarch::rest {

// What the API needs. Everything is called on the API's executor.
struct World {
  const ports::Board& board;
  ports::Journal& journal;   // safe to use from any thread
  ports::Peers& peers;       // on the API's executor: not the agent's
  PostRequest post;
  Clocks clocks;
  FreshStatus fresh_status;  // empty: positions are those of the agent's last beat
  EventsAfter events_after;  // empty: no events
  std::function<std::string()> more_metrics;  // more lines for /metrics; may be empty
  RefuseConfig refuse_config = {};  // empty: any document may be stored
};

class Api {
 public:
  Api(boost::asio::any_io_executor executor, World world, std::shared_ptr<const model::Settings> settings);
  // Any thread: stops on the executor, which must still be run for that.
  ~Api();

  // On the executor. Binds `restapi.listen`, and a Unix socket when `socket_path` is not empty. The error is for the operator.
  net::NetResult<void> start(std::string socket_path = {});
  std::uint16_t port() const;
  // On the executor. Closes listeners and connections.
  void stop();

  // Any thread: a snapshot was published; an event was recorded. Settings in a snapshot that differ from those in use are
  // applied: addresses and certificates without a gap, everything else in place.
  void snapshot_published();
  void event_recorded();
  // Any thread: look at the certificates again (SIGHUP); also done every minute.
  void reload_certificates();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace matriarch::rest
