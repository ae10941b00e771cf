// The snapshot: "MTRSNAP" and a format byte, the length and the checksum of the rest, the rest.
#include <boost/crc.hpp>

#include <fmt/format.h>

#include "consensus/machine/fields.hpp"
#include "consensus/machine/machine.hpp"

namespace matriarch::consensus::machine {
namespace {

constexpr std::string_view kMagic = "MTRSNAP";
constexpr std::uint8_t kSnapshotFormat = 1;
constexpr std::size_t kHeaderBytes = 7 + 1 + 8 + 4;

std::uint32_t checksum(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;  // CRC-32C
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

struct StoredClient {
  std::uint64_t id = 0;
  Step last_used = 0;
  std::uint64_t forgotten = 0;
  struct Remembered {
    std::uint64_t sequence = 0;
    std::optional<Outcome> outcome = {};
  };
  std::vector<Remembered> outcomes = {};
};

// A lease's keys are those of the keys that name it, so they are not written twice.
struct StoredLease {
  LeaseId id = 0;
  std::int64_t ttl_ms = 0;
  Step kept_alive_at = 0;
};

struct Content {
  Revision revision = 0;
  Step step = 0;
  std::uint64_t cluster_id = 0;
  std::uint32_t feature_level = 0;
  std::vector<StoredLease> leases = {};
  std::vector<KeyValue> keys = {};
  std::vector<Node> nodes = {};
  Revision compacted = 0;
  std::vector<Change> history = {};
  std::vector<StoredClient> clients = {};
};

template <typename Archive, DescribedAs<StoredClient::Remembered> T>
void describe(Archive& archive, T& value) {
  archive(value.sequence, value.outcome);
}
template <typename Archive, DescribedAs<StoredClient> T>
void describe(Archive& archive, T& value) {
  archive(value.id, value.last_used, value.forgotten, value.outcomes);
}
template <typename Archive, DescribedAs<StoredLease> T>
void describe(Archive& archive, T& value) {
  archive(value.id, value.ttl_ms, value.kept_alive_at);
}
template <typename Archive, DescribedAs<Content> T>
void describe(Archive& archive, T& value) {
  archive(value.revision, value.step, value.cluster_id, value.feature_level, value.leases, value.keys, value.nodes,
          value.compacted, value.history, value.clients);
}

tl::unexpected<std::string> bad(std::string why) { return tl::unexpected(std::move(why)); }

// The bytes after the header, once the header fits them.
tl::expected<std::string_view, std::string> body_of(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic) return bad("it is not a store snapshot");
  Reader header(bytes.substr(kMagic.size(), kHeaderBytes - kMagic.size()));
  std::uint8_t format = 0;
  std::uint64_t length = 0;
  std::uint32_t sum = 0;
  header(format, length, sum);
  if (format != kSnapshotFormat) {
    return bad(fmt::format("its format {} is not one this program reads ({})", format, kSnapshotFormat));
  }
  const auto body = bytes.substr(kHeaderBytes);
  if (body.size() != length) return bad(fmt::format("it has {} bytes of content instead of {}", body.size(), length));
  if (checksum(body) != sum) return bad("its checksum does not match: it is damaged");
  return body;
}

}  // namespace

std::string Machine::snapshot() const {
  Content content{.revision = revision_,
                  .step = step_,
                  .cluster_id = cluster_id_,
                  .feature_level = feature_level_,
                  .compacted = compacted_,
                  .history = {history_.begin(), history_.end()}};
  for (const auto& [id, lease] : leases_) content.leases.push_back({id, lease.ttl_ms, lease.kept_alive_at});
  for (const auto& [key, kv] : keys_) content.keys.push_back(*kv);
  for (const auto& [id, node] : nodes_) content.nodes.push_back(node);
  for (const auto& [id, client] : clients_) {
    StoredClient stored{.id = id, .last_used = client.last_used, .forgotten = client.forgotten};
    for (const auto& [sequence, outcome] : client.outcomes) stored.outcomes.push_back({sequence, outcome});
    content.clients.push_back(std::move(stored));
  }
  Writer writer;
  writer(content);
  const std::string body = writer.take();
  Writer header;
  header(kSnapshotFormat, static_cast<std::uint64_t>(body.size()), checksum(body));
  return std::string(kMagic) + header.take() + body;
}

tl::expected<Machine, std::string> Machine::from_snapshot(std::string_view bytes, Limits limits) {
  const auto body = body_of(bytes);
  if (!body) return bad(body.error());
  Content content;
  Reader reader(*body);
  reader(content);
  if (reader.failed() || !reader.at_end()) return bad("its content is malformed");
  if (content.feature_level > kFeatureLevel) {
    return bad(fmt::format("it needs feature level {}, this program has {}", content.feature_level, kFeatureLevel));
  }
  Machine machine(limits);
  machine.revision_ = content.revision;
  machine.step_ = content.step;
  machine.cluster_id_ = content.cluster_id;
  machine.feature_level_ = content.feature_level;
  for (const auto& lease : content.leases) {
    machine.leases_.emplace(lease.id, Lease{.id = lease.id, .ttl_ms = lease.ttl_ms, .kept_alive_at = lease.kept_alive_at});
  }
  for (auto& kv : content.keys) {
    if (kv.lease != 0) {
      const auto lease = machine.leases_.find(kv.lease);
      if (lease == machine.leases_.end()) return bad("a key names a lease that is not there");
      lease->second.keys.insert(kv.key);
    }
    machine.bytes_ += kv.key.size() + kv.value.size();
    auto key = kv.key;
    machine.keys_.insert_or_assign(std::move(key), std::make_shared<const KeyValue>(std::move(kv)));
  }
  for (auto& node : content.nodes) machine.nodes_.emplace(node.raft_id, std::move(node));
  for (auto& change : content.history) {
    for (const auto& event : change.events) {
      if (!event.now) return bad("an event without a key");
    }
    machine.remember(std::move(change));
  }
  machine.compacted_ = std::max(machine.compacted_, content.compacted);
  for (auto& client : content.clients) {
    Client restored{.last_used = client.last_used, .forgotten = client.forgotten};
    for (auto& [sequence, outcome] : client.outcomes) restored.outcomes.emplace(sequence, std::move(outcome));
    machine.clients_.emplace(client.id, std::move(restored));
  }
  return machine;
}

}  // namespace matriarch::consensus::machine
