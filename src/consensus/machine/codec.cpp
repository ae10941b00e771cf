#include "consensus/machine/codec.hpp"

#include "consensus/machine/fields.hpp"

namespace matriarch::consensus::machine {
namespace {

template <typename Value>
std::string encode_value(const Value& value) {
  Writer writer;
  writer(kFormat, value);
  return writer.take();
}

template <typename Value>
tl::expected<Value, DecodeError> decode_value(std::string_view bytes) {
  Reader reader(bytes);
  std::uint8_t format = 0;
  reader(format);
  if (reader.failed() || format == 0) return tl::unexpected(DecodeError::kMalformed);
  if (format > kFormat) return tl::unexpected(DecodeError::kTooNew);
  Value value;
  reader(value);
  if (reader.failed() || !reader.at_end()) return tl::unexpected(DecodeError::kMalformed);
  return value;
}

}  // namespace

std::string encode(const Command& command) { return encode_value(command); }
tl::expected<Command, DecodeError> decode_command(std::string_view bytes) { return decode_value<Command>(bytes); }

std::string encode(const Outcome& outcome) { return encode_value(outcome); }
tl::expected<Outcome, DecodeError> decode_outcome(std::string_view bytes) { return decode_value<Outcome>(bytes); }
std::size_t encoded_size(const Outcome& outcome) { return encode(outcome).size(); }

}  // namespace matriarch::consensus::machine
