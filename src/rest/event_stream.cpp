#include "rest/event_stream.hpp"

#include <fmt/format.h>

#include "model/json_text.hpp"
#include "model/quantity.hpp"
#include "model/timestamp.hpp"

namespace matriarch::rest {

namespace asio = boost::asio;

namespace {
constexpr model::Milliseconds kKeepAlive{15'000};
}

boost::json::object to_json(const EventRecord& event) {
  return {{"id", event.id}, {"at", model::format_timestamp(event.at)}, {"kind", event.kind}, {"details", event.details}};
}

std::string to_server_sent_event(const EventRecord& event) {
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.kind, model::write_json(to_json(event), model::JsonSpacing::kSpaced));
}

std::uint64_t first_wanted(const Target& target, const std::vector<net::Header>& headers) {
  auto text = target.parameter("after");
  if (!text) text = net::find_header(headers, "Last-Event-ID");
  const auto id = text ? model::parse_integer(*text) : std::nullopt;
  return id && *id > 0 ? static_cast<std::uint64_t>(*id) : 0;
}

Answer list_events(const EventsAfter& events_after, std::uint64_t after) {
  boost::json::array rows;
  if (events_after) {
    for (const auto& event : events_after(after)) rows.push_back(to_json(event));
  }
  return document(200, rows);
}

asio::awaitable<void> follow_events(EventsAfter events_after, std::uint64_t after, Bell& recorded, net::HttpResponse head,
                                    net::ChunkWriter& writer) {
  bool there = co_await writer.start(std::move(head));
  while (there) {
    std::string text;
    for (const auto& event : events_after(after)) {
      text += to_server_sent_event(event);
      after = event.id;
    }
    if (!text.empty()) {
      there = co_await writer.write(std::move(text));
      continue;
    }
    co_await recorded.wait(kKeepAlive);
    if (events_after(after).empty()) there = co_await writer.write(": still here\n\n");
  }
}

}  // namespace matriarch::rest
