// GET /matriarch/events: what happened on this node, as a list, or live as Server-Sent Events with ?follow.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/time.hpp"
#include "net/http_server.hpp"
#include "rest/answer.hpp"
#include "rest/bell.hpp"
#include "rest/target.hpp"

namespace matriarch::rest {

struct EventRecord {
  std::uint64_t id = 0;  // counts from 1
  model::WallTime at{};
  std::string kind;
  boost::json::object details;
};

// Any thread: the events after that id that are still kept, oldest first.
using EventsAfter = std::function<std::vector<EventRecord>(std::uint64_t id)>;

boost::json::object to_json(const EventRecord& event);
std::string to_server_sent_event(const EventRecord& event);

// The id after which to begin: ?after=N, or the header Last-Event-ID of a client that reconnects; 0 without.
std::uint64_t first_wanted(const Target& target, const std::vector<net::Header>& headers);

// The list: [{"id", "at", "kind", "details"}, ...].
Answer list_events(const EventsAfter& events_after, std::uint64_t after);

// Streams until the client is gone; `recorded` rings for each new event. A silent stream gets a comment now and then, so
// that a lost client is noticed and proxies keep the connection.
boost::asio::awaitable<void> follow_events(EventsAfter events_after, std::uint64_t after, Bell& recorded, net::HttpResponse head,
                                           net::ChunkWriter& writer);

}  // namespace matriarch::rest
