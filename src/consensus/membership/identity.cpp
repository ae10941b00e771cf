#include "consensus/membership/identity.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/random.h>

#include <boost/json.hpp>
#include <cstring>
#include <filesystem>

#include "system/file.hpp"

namespace matriarch::consensus::membership {
namespace {

namespace json = boost::json;
using tl::unexpected;
using Done = tl::expected<void, std::string>;

constexpr int kFormat = 1;
constexpr std::size_t kMaxIdentityBytes = 64u << 10;

std::string hex(std::uint64_t id) { return fmt::format("{:016x}", id); }

std::uint64_t parse_hex(const json::value& value) {
  const auto& text = value.as_string();
  std::size_t used = 0;
  const auto id = std::stoull(std::string(text), &used, 16);
  if (used != text.size()) throw std::invalid_argument("not a number");
  return id;
}

json::object to_json(const Founding& founding) {
  json::array founders;
  for (const auto& founder : founding.founders) {
    founders.push_back({{"raft_id", hex(founder.raft_id)},
                        {"address", founder.address},
                        {"name", founder.name},
                        {"votes", founder.votes}});
  }
  return {{"cluster_id", hex(founding.cluster_id)}, {"list_hash", founding.list_hash}, {"founders", std::move(founders)}};
}

Founding founding_of(const json::object& object) {
  Founding founding{.cluster_id = parse_hex(object.at("cluster_id")),
                    .list_hash = std::string(object.at("list_hash").as_string())};
  for (const auto& item : object.at("founders").as_array()) {
    const auto& founder = item.as_object();
    founding.founders.push_back({.raft_id = parse_hex(founder.at("raft_id")),
                                 .address = std::string(founder.at("address").as_string()),
                                 .name = std::string(founder.at("name").as_string()),
                                 .votes = founder.at("votes").as_bool()});
  }
  return founding;
}

Standing standing_of(std::string_view text) {
  for (const auto standing : {Standing::kFresh, Standing::kPromised, Standing::kMember}) {
    if (text == to_string(standing)) return standing;
  }
  throw std::invalid_argument("unknown standing");
}

std::string what_to_do(const std::string& directory) {
  return fmt::format(
      " If other members of the cluster are alive, remove this one ('matriarch store remove'), move {} away and start "
      "again: it will join as a new member. Nothing was changed.",
      directory);
}

// In Raft's directory, so that a log that was taken away is noticed: an old id with an empty log would vote wrongly.
std::string mark_of(const std::string& directory) { return directory + "/cluster"; }

bool has_mark(const std::string& directory, std::uint64_t cluster_id) {
  const auto text = system::read_file(mark_of(directory), 64);
  return text && cluster_id != 0 && *text == hex(cluster_id) + "\n";
}

bool is_empty_or_absent(const std::string& directory) {
  std::error_code error;
  return !std::filesystem::exists(directory, error) || std::filesystem::is_empty(directory, error);
}

}  // namespace

const char* to_string(Standing standing) {
  switch (standing) {
    case Standing::kFresh: return "fresh";
    case Standing::kPromised: return "promised";
    case Standing::kMember: return "member";
  }
  return "?";
}

std::string encode(const Identity& identity) {
  json::object object{{"format", kFormat},
                      {"raft_id", hex(identity.raft_id)},
                      {"standing", to_string(identity.standing)},
                      {"cluster_id", hex(identity.cluster_id)}};
  if (identity.recovered_from != 0) object["recovered_from"] = hex(identity.recovered_from);
  if (identity.founding) object["founding"] = to_json(*identity.founding);
  return json::serialize(object) + "\n";
}

tl::expected<Identity, std::string> decode_identity(std::string_view text) {
  try {
    const auto value = json::parse(text);
    const auto& object = value.as_object();
    if (object.at("format").as_int64() != kFormat) return unexpected(std::string("its format is of another version"));
    Identity identity{.raft_id = parse_hex(object.at("raft_id")),
                      .standing = standing_of(object.at("standing").as_string()),
                      .cluster_id = parse_hex(object.at("cluster_id"))};
    if (const auto* former = object.if_contains("recovered_from")) identity.recovered_from = parse_hex(*former);
    if (const auto* founding = object.if_contains("founding")) identity.founding = founding_of(founding->as_object());
    const bool consistent = identity.raft_id != 0 && (identity.standing == Standing::kMember) == (identity.cluster_id != 0) &&
                            (identity.standing != Standing::kPromised || identity.founding);
    if (!consistent) return unexpected(std::string("it contradicts itself"));
    return identity;
  } catch (const std::exception& error) {
    return unexpected(std::string(error.what()));
  }
}

std::uint64_t random_id() {
  std::uint64_t id = 0;
  while (id == 0) {
    if (::getrandom(&id, sizeof id, 0) != sizeof id) std::abort();
    id &= 0x7fffffffffffffff;
  }
  return id;
}

tl::expected<Home, std::string> Home::open(std::string directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return unexpected(fmt::format("cannot make the consensus directory {}: {}", directory, std::strerror(errno)));
  }
  const auto lock_path = directory + "/lock";
  system::Fd lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return unexpected(fmt::format("cannot open {}: {}", lock_path, std::strerror(errno)));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return unexpected(fmt::format("the consensus directory {} is in use by another process (it holds {}): stop that first", directory, lock_path));
  }
  if (const auto room = system::free_space(directory); room && *room < kLeastFreeBytes) {
    return unexpected(fmt::format("the disk of the consensus directory {} has only {} MiB left and {} are needed: make room. "
                                  "Nothing was changed.",
                                  directory, *room >> 20, kLeastFreeBytes >> 20));
  }
  Home home(std::move(directory), std::move(lock));
  const auto path = home.directory_ + "/identity.json";
  const auto text = system::read_file(path, kMaxIdentityBytes);
  if (text) {
    auto identity = decode_identity(*text);
    if (!identity) {
      return unexpected(fmt::format("{} is damaged ({}).{}", path, identity.error(), what_to_do(home.directory_)));
    }
    home.identity_ = std::move(*identity);
    if (home.identity_.standing == Standing::kMember && !has_mark(home.raft_directory(), home.identity_.cluster_id) &&
        !has_mark(home.raft_directory(), home.identity_.recovered_from)) {
      return unexpected(fmt::format("{} says that this node is a member of cluster {}, but the log of that cluster is not "
                                    "in {}.{}",
                                    path, hex(home.identity_.cluster_id), home.raft_directory(), what_to_do(home.directory_)));
    }
    return home;
  }
  if (text.error().code != ENOENT) return unexpected(text.error().message());
  if (!is_empty_or_absent(home.raft_directory())) {
    return unexpected(fmt::format("{} is missing, but {} holds a log: whose it is cannot be told.{}", path,
                                  home.raft_directory(), what_to_do(home.directory_)));
  }
  if (auto saved = home.save({.raft_id = random_id()}); !saved) return unexpected(saved.error());
  return home;
}

Done Home::save(Identity identity) {
  const auto path = directory_ + "/identity.json";
  if (auto written = system::write_atomically(path, encode(identity)); !written) {
    return unexpected(written.error().message());
  }
  identity_ = std::move(identity);
  return {};
}

Done Home::promise(const Founding& founding) {
  auto identity = identity_;
  identity.standing = Standing::kPromised;
  identity.founding = founding;
  return save(std::move(identity));
}

Done Home::release_promise() {
  auto identity = identity_;
  identity.standing = Standing::kFresh;
  identity.founding.reset();
  return save(std::move(identity));
}

// The order makes every crash harmless: a half-made directory has another name and is thrown away; a whole one that
// the identity does not claim yet is replaced by an equal one.
Done Home::enter_cluster(std::uint64_t cluster_id, const Fill& fill) {
  const auto making = raft_directory() + ".making";
  for (const auto& path : {making, raft_directory()}) {
    if (auto removed = system::remove_tree(path); !removed) return unexpected(removed.error().message());
  }
  if (::mkdir(making.c_str(), 0700) != 0) {
    return unexpected(fmt::format("cannot make {}: {}", making, std::strerror(errno)));
  }
  if (auto filled = fill(making); !filled) return filled;
  if (auto marked = system::write_atomically(mark_of(making), hex(cluster_id) + "\n"); !marked) {
    return unexpected(marked.error().message());
  }
  if (auto synced = system::sync_path(making); !synced) return unexpected(synced.error().message());
  if (auto renamed = system::rename_durably(making, raft_directory()); !renamed) {
    return unexpected(renamed.error().message());
  }
  auto identity = identity_;
  identity.standing = Standing::kMember;
  identity.cluster_id = cluster_id;
  return save(std::move(identity));
}

Done Home::become_another_cluster(std::uint64_t cluster_id, const Fill& change) {
  auto identity = identity_;
  // The mark still says what the log is of; until it is changed, so does recovered_from.
  const bool was_cut_short = has_mark(raft_directory(), identity_.recovered_from);
  if (!was_cut_short) identity.recovered_from = identity_.cluster_id;
  identity.cluster_id = cluster_id;
  identity.founding.reset();
  if (auto saved = save(std::move(identity)); !saved) return saved;
  if (auto changed = change(raft_directory()); !changed) return changed;
  if (auto marked = system::write_atomically(mark_of(raft_directory()), hex(cluster_id) + "\n"); !marked) {
    return unexpected(marked.error().message());
  }
  return {};
}

}  // namespace matriarch::consensus::membership
