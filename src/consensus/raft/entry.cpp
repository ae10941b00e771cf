#include "consensus/raft/entry.hpp"

#include <algorithm>

#include "consensus/machine/bytes.hpp"

namespace matriarch::consensus::raft {
namespace {

constexpr std::uint8_t kEntryFormat = 1;

template <typename Archive, machine::DescribedAs<Entry> T>
void fields(Archive& archive, T& entry) {
  archive(entry.ticket.session, entry.ticket.number, entry.commands);
}

}  // namespace

std::string encode(const Entry& entry) {
  machine::Writer writer;
  writer(kEntryFormat);
  fields(writer, entry);
  return writer.take();
}

tl::expected<Entry, machine::DecodeError> decode_entry(std::string_view bytes) {
  machine::Reader reader(bytes);
  std::uint8_t format = 0;
  reader(format);
  if (format > kEntryFormat) return tl::unexpected(machine::DecodeError::kTooNew);
  if (format != kEntryFormat) return tl::unexpected(machine::DecodeError::kMalformed);
  Entry entry;
  fields(reader, entry);
  const auto padding = reader.rest();
  const bool padded = padding.size() < 8 && std::all_of(padding.begin(), padding.end(), [](char c) { return c == 0; });
  if (reader.failed() || !padded) return tl::unexpected(machine::DecodeError::kMalformed);
  return entry;
}

std::optional<Ticket> decode_ticket(std::string_view bytes) {
  machine::Reader reader(bytes);
  std::uint8_t format = 0;
  Ticket ticket;
  reader(format, ticket.session, ticket.number);
  if (reader.failed() || format != kEntryFormat) return std::nullopt;
  return ticket;
}

}  // namespace matriarch::consensus::raft
