#include "consensus/raft/hello.hpp"

#include <fmt/format.h>

namespace matriarch::consensus::raft {
namespace {

constexpr std::uint32_t kProtocol = 0x314c544d;  // "MTL1"


template <typename Archive, machine::DescribedAs<Hello> T>
void fields(Archive& archive, T& hello) {
  auto purpose = static_cast<std::uint8_t>(hello.purpose);
  archive.tag(purpose, 2);
  if constexpr (Archive::kReads) hello.purpose = static_cast<Purpose>(purpose);
  archive(hello.wanted_id, hello.caller.cluster_id, hello.caller.raft_id, hello.caller.address, hello.caller.name);
}

template <typename Archive, machine::DescribedAs<Welcome> T>
void fields(Archive& archive, T& welcome) {
  archive(welcome.accepted, welcome.reason, welcome.callee.cluster_id, welcome.callee.raft_id, welcome.callee.address,
          welcome.callee.name);
}

template <typename T>
std::string encode_any(const T& value) {
  machine::Writer writer;
  writer(kProtocol);
  fields(writer, value);
  return writer.take();
}

template <typename T>
std::optional<T> decode_any(std::string_view bytes) {
  machine::Reader reader(bytes);
  std::uint32_t protocol = 0;
  reader(protocol);
  T value;
  fields(reader, value);
  if (reader.failed() || !reader.at_end() || protocol != kProtocol) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> reason_to_refuse(const Hello& hello, const Self& self) {
  if (hello.caller.raft_id == self.raft_id) {
    return "it has my own id: its data directory is a copy of mine, or its peers name itself";
  }
  if (hello.wanted_id != 0 && hello.wanted_id != self.raft_id) {
    return fmt::format("it looks for node {:x}, and here is node {:x}", hello.wanted_id, self.raft_id);
  }
  const bool both_belong = hello.caller.cluster_id != 0 && self.cluster_id != 0;
  if (both_belong && hello.caller.cluster_id != self.cluster_id) {
    return fmt::format("it belongs to cluster {:x}, and this node to cluster {:x}", hello.caller.cluster_id,
                       self.cluster_id);
  }
  if (hello.purpose == Purpose::kRaft && !both_belong) return "not both nodes belong to a cluster yet";
  return std::nullopt;
}

std::string encode(const Hello& hello) { return encode_any(hello); }
std::string encode(const Welcome& welcome) { return encode_any(welcome); }
std::optional<Hello> decode_hello(std::string_view bytes) { return decode_any<Hello>(bytes); }
std::optional<Welcome> decode_welcome(std::string_view bytes) { return decode_any<Welcome>(bytes); }

}  // namespace matriarch::consensus::raft
