// Who a data directory is: a random Raft id for its life, and which cluster it belongs to. Never derived from names or
// addresses, so that a wiped directory is a new node.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "system/fd.hpp"

namespace matriarch::consensus::membership {

struct Founder {
  std::uint64_t raft_id = 0;
  std::string address;
  std::string name;
  bool votes = true;
  bool operator==(const Founder&) const = default;
};

// A cluster to be founded: proposed by one node, promised by all, then committed.
struct Founding {
  std::uint64_t cluster_id = 0;
  std::string list_hash;
  std::vector<Founder> founders = {};  // sorted by address; the first proposes
  bool operator==(const Founding&) const = default;
};

enum class Standing : std::uint8_t {
  kFresh,     // belongs to no cluster and has promised nothing
  kPromised,  // will be a member of `founding` and of nothing else
  kMember,
};
const char* to_string(Standing standing);

struct Identity {
  std::uint64_t raft_id = 0;
  Standing standing = Standing::kFresh;
  std::uint64_t cluster_id = 0;      // of a member
  std::uint64_t recovered_from = 0;  // the cluster this one was before its quorum was lost, if so
  std::optional<Founding> founding = {};
  bool operator==(const Identity&) const = default;
};

std::string encode(const Identity& identity);
tl::expected<Identity, std::string> decode_identity(std::string_view text);

// Ids are never 0 and fit into a JSON number's safe range of a signed 64-bit integer.
std::uint64_t random_id();

// The data directory: one process at a time, the identity in it, Raft's files below it.
//   DIR/lock            held by the process
//   DIR/identity.json   replaced atomically
//   DIR/raft/           Raft's own files; made whole under another name, then renamed
// Room for Raft's prepared segments and a snapshot; a node does not start with less.
inline constexpr std::uint64_t kLeastFreeBytes = 32u << 20;

class Home {
 public:
  // Makes the directory (0700) and a fresh identity when there is none. Errors name the file and what to do.
  static tl::expected<Home, std::string> open(std::string directory);

  const Identity& identity() const { return identity_; }
  const std::string& directory() const { return directory_; }
  std::string raft_directory() const { return directory_ + "/raft"; }

  // Durable when it returns.
  tl::expected<void, std::string> promise(const Founding& founding);
  tl::expected<void, std::string> release_promise();
  // Becomes a member with a new, empty or founding, Raft directory: `fill` writes into the directory it is given, and
  // only when it succeeded does the directory get its name and the identity say "member".
  using Fill = std::function<tl::expected<void, std::string>(const std::string& directory)>;
  tl::expected<void, std::string> enter_cluster(std::uint64_t cluster_id, const Fill& fill);
  // The log stays, the cluster becomes another one: what its former members still say must not be heard. `change` is
  // what is done to Raft's directory; when it was cut short all of it may be done again.
  tl::expected<void, std::string> become_another_cluster(std::uint64_t cluster_id, const Fill& change);

 private:
  Home(std::string directory, system::Fd lock) : directory_(std::move(directory)), lock_(std::move(lock)) {}
  tl::expected<void, std::string> save(Identity identity);

  std::string directory_;
  system::Fd lock_;
  Identity identity_;
};

}  // namespace matriarch::consensus::membership
