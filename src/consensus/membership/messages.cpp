#include "consensus/membership/messages.hpp"

#include "consensus/machine/fields.hpp"

namespace matriarch::consensus::membership {
namespace {

constexpr std::uint8_t kMessageFormat = 1;

}  // namespace

template <typename Archive, machine::DescribedAs<Founder> T>
void describe(Archive& archive, T& value) {
  archive(value.raft_id, value.address, value.name, value.votes);
}
template <typename Archive, machine::DescribedAs<Founding> T>
void describe(Archive& archive, T& value) {
  archive(value.cluster_id, value.list_hash, value.founders);
}
template <typename Archive, machine::DescribedAs<Condition> T>
void describe(Archive& archive, T& value) {
  archive(value.raft_id, value.address, value.name);
  machine::describe_enum(archive, value.standing, 3);
  archive(value.cluster_id, value.list, value.founding, value.knows_asker, value.leader_address);
}
template <typename Archive, machine::DescribedAs<Inquire> T>
void describe(Archive&, T&) {}
template <typename Archive, machine::DescribedAs<AskPromise> T>
void describe(Archive& archive, T& value) {
  archive(value.founding);
}
template <typename Archive, machine::DescribedAs<AskCommit> T>
void describe(Archive& archive, T& value) {
  archive(value.founding);
}
template <typename Archive, machine::DescribedAs<ForwardCommand> T>
void describe(Archive& archive, T& value) {
  archive(value.command, value.waited_ns);
}
template <typename Archive, machine::DescribedAs<ForwardRead> T>
void describe(Archive& archive, T& value) {
  archive(value.transaction);
}
template <typename Archive, machine::DescribedAs<AskJoin> T>
void describe(Archive& archive, T& value) {
  archive(value.node);
}
template <typename Archive, machine::DescribedAs<AskEnter> T>
void describe(Archive& archive, T& value) {
  archive(value.through);
}
template <typename Archive, machine::DescribedAs<AskRemove> T>
void describe(Archive& archive, T& value) {
  archive(value.raft_id);
}
template <typename Archive, machine::DescribedAs<AskTransfer> T>
void describe(Archive& archive, T& value) {
  archive(value.raft_id);
}
template <typename Archive, machine::DescribedAs<Reply> T>
void describe(Archive& archive, T& value) {
  machine::describe_enum(archive, value.verdict, 5);
  archive(value.reason, value.leader_address, value.outcome, value.condition);
}

namespace {

template <typename Value>
bool finished(machine::Reader& reader, Value& value) {
  std::uint8_t format = 0;
  reader(format);
  if (format != kMessageFormat) return false;
  if constexpr (std::same_as<Value, Request>) machine::describe_variant(reader, value);
  else reader(value);
  return !reader.failed() && reader.at_end();
}

}  // namespace

std::string encode(const Request& request) {
  machine::Writer writer;
  writer(kMessageFormat);
  machine::describe_variant(writer, request);
  return writer.take();
}

std::string encode(const Reply& reply) {
  machine::Writer writer;
  writer(kMessageFormat, reply);
  return writer.take();
}

std::optional<Request> decode_request(std::string_view bytes) {
  machine::Reader reader(bytes);
  Request request;
  if (!finished(reader, request)) return std::nullopt;
  return request;
}

std::optional<Reply> decode_reply(std::string_view bytes) {
  machine::Reader reader(bytes);
  Reply reply;
  if (!finished(reader, reply)) return std::nullopt;
  return reply;
}

}  // namespace matriarch::consensus::membership
