// The fields of every value that is written to the log, to a snapshot or to another node. The order here is the
// format: it may only change together with kFormat in codec.hpp.
#pragma once

#include "consensus/machine/bytes.hpp"
#include "consensus/machine/command.hpp"
#include "consensus/machine/outcome.hpp"

namespace matriarch::consensus::machine {

template <typename Archive, typename Enum>
void describe_enum(Archive& archive, Enum& value, std::uint8_t count) {
  auto number = static_cast<std::uint8_t>(value);
  archive.tag(number, count);
  if constexpr (Archive::kReads) value = static_cast<std::remove_const_t<Enum>>(number);
}

// A variant: the index of its alternative, then the alternative.
template <typename Archive, typename Variant, std::size_t... Index>
void describe_variant(Archive& archive, Variant& value, std::index_sequence<Index...>) {
  auto index = static_cast<std::uint8_t>(value.index());
  archive.tag(index, sizeof...(Index));
  const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    if (index != I) return;
    if constexpr (Archive::kReads) value.template emplace<I>();
    archive(std::get<I>(value));
  };
  if constexpr (Archive::kReads) {
    if (!archive.enter()) return;
  }
  (one(std::integral_constant<std::size_t, Index>{}), ...);
  if constexpr (Archive::kReads) archive.leave();
}

template <typename Archive, typename Variant>
void describe_variant(Archive& archive, Variant& value) {
  describe_variant(archive, value, std::make_index_sequence<std::variant_size_v<std::remove_const_t<Variant>>>{});
}

template <typename Archive, DescribedAs<KeyRange> T>
void describe(Archive& archive, T& value) {
  archive(value.key, value.end);
}
template <typename Archive, DescribedAs<KeyValue> T>
void describe(Archive& archive, T& value) {
  archive(value.key, value.value, value.create_revision, value.mod_revision, value.version, value.lease);
}
// Null or the value.
template <typename Archive, DescribedAs<Stored> T>
void describe(Archive& archive, T& value) {
  if constexpr (Archive::kReads) {
    std::optional<KeyValue> read;
    archive(read);
    value = read ? std::make_shared<const KeyValue>(std::move(*read)) : nullptr;
  } else {
    archive(value != nullptr);
    if (value) archive(*value);
  }
}
template <typename Archive, DescribedAs<Event> T>
void describe(Archive& archive, T& value) {
  describe_enum(archive, value.type, 2);
  archive(value.now, value.previous);
}
template <typename Archive, DescribedAs<Change> T>
void describe(Archive& archive, T& value) {
  archive(value.revision, value.events);
}
template <typename Archive, DescribedAs<Node> T>
void describe(Archive& archive, T& value) {
  archive(value.raft_id, value.name, value.raft_address, value.client_urls, value.feature_level, value.is_witness);
}
template <typename Archive, DescribedAs<RangeRequest> T>
void describe(Archive& archive, T& value) {
  archive(value.keys, value.limit, value.revision);
  describe_enum(archive, value.order, 3);
  describe_enum(archive, value.target, 5);
  archive(value.keys_only, value.count_only, value.min_mod_revision, value.max_mod_revision, value.min_create_revision,
          value.max_create_revision);
}
template <typename Archive, DescribedAs<PutRequest> T>
void describe(Archive& archive, T& value) {
  archive(value.key, value.value, value.lease, value.prev_kv, value.ignore_value, value.ignore_lease);
}
template <typename Archive, DescribedAs<DeleteRequest> T>
void describe(Archive& archive, T& value) {
  archive(value.keys, value.prev_kv);
}
template <typename Archive, DescribedAs<Compare> T>
void describe(Archive& archive, T& value) {
  describe_enum(archive, value.target, 5);
  describe_enum(archive, value.result, 4);
  archive(value.keys, value.number, value.value);
}
template <typename Archive, DescribedAs<Operation> T>
void describe(Archive& archive, T& value) {
  describe_variant(archive, value.what);
}
template <typename Archive, DescribedAs<Transaction> T>
void describe(Archive& archive, T& value) {
  archive(value.compare, value.success, value.failure);
}
template <typename Archive, DescribedAs<GrantLease> T>
void describe(Archive& archive, T& value) {
  archive(value.id, value.ttl_ms);
}
template <typename Archive, DescribedAs<KeepAlive> T>
void describe(Archive& archive, T& value) {
  archive(value.id);
}
template <typename Archive, DescribedAs<RevokeLease> T>
void describe(Archive& archive, T& value) {
  archive(value.id);
}
template <typename Archive, DescribedAs<ExpireLease> T>
void describe(Archive& archive, T& value) {
  archive(value.id, value.kept_alive_at);
}
template <typename Archive, DescribedAs<Compact> T>
void describe(Archive& archive, T& value) {
  archive(value.revision);
}
template <typename Archive, DescribedAs<SetClusterId> T>
void describe(Archive& archive, T& value) {
  archive(value.id, value.replaces);
}
template <typename Archive, DescribedAs<SetFeatureLevel> T>
void describe(Archive& archive, T& value) {
  archive(value.level);
}
template <typename Archive, DescribedAs<SetNode> T>
void describe(Archive& archive, T& value) {
  archive(value.node);
}
template <typename Archive, DescribedAs<RemoveNode> T>
void describe(Archive& archive, T& value) {
  archive(value.raft_id);
}
template <typename Archive, DescribedAs<RestoreKeys> T>
void describe(Archive& archive, T& value) {
  archive(value.snapshot);
}
template <typename Archive, DescribedAs<Origin> T>
void describe(Archive& archive, T& value) {
  archive(value.client, value.sequence);
}
template <typename Archive, DescribedAs<Command> T>
void describe(Archive& archive, T& value) {
  archive(value.origin);
  describe_variant(archive, value.body);
}

template <typename Archive, DescribedAs<RangeOutcome> T>
void describe(Archive& archive, T& value) {
  archive(value.kvs, value.more, value.count, value.keys_only);
}
template <typename Archive, DescribedAs<PutOutcome> T>
void describe(Archive& archive, T& value) {
  archive(value.previous);
}
template <typename Archive, DescribedAs<DeleteOutcome> T>
void describe(Archive& archive, T& value) {
  archive(value.deleted, value.previous);
}
template <typename Archive, DescribedAs<OperationOutcome> T>
void describe(Archive& archive, T& value) {
  describe_variant(archive, value.what);
}
template <typename Archive, DescribedAs<TransactionOutcome> T>
void describe(Archive& archive, T& value) {
  archive(value.succeeded, value.responses);
}
template <typename Archive, DescribedAs<LeaseOutcome> T>
void describe(Archive& archive, T& value) {
  archive(value.id, value.ttl_ms);
}
template <typename Archive, DescribedAs<NothingToSay> T>
void describe(Archive&, T&) {}
template <typename Archive, DescribedAs<KeptAlive> T>
void describe(Archive& archive, T& value) {
  archive(value.lease, value.keys);
}
template <typename Archive, DescribedAs<Outcome> T>
void describe(Archive& archive, T& value) {
  archive(value.revision);
  auto refusal = value.answer ? std::uint8_t{0} : static_cast<std::uint8_t>(value.answer.error());
  archive.tag(refusal, static_cast<std::uint8_t>(Refusal::kNodeNotFound) + 1);
  if constexpr (Archive::kReads) {
    if (refusal != 0) {
      value.answer = tl::unexpected(static_cast<Refusal>(refusal));
      return;
    }
    Answer answer;
    describe_variant(archive, answer);
    value.answer = std::move(answer);
  } else if (value.answer) {
    describe_variant(archive, *value.answer);
  }
}

}  // namespace matriarch::consensus::machine
