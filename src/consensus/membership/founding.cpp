#include "consensus/membership/founding.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/sha.h>

#include <algorithm>

#include "consensus/membership/plan.hpp"

namespace matriarch::consensus::membership {
namespace {

std::optional<Step> notice_two_clusters(const Situation& now) {
  const Answer* first = nullptr;
  for (const auto& answer : now.answers) {
    if (!answer.condition || answer.condition->standing != Standing::kMember) continue;
    if (first == nullptr) first = &answer;
    if (answer.condition->cluster_id == first->condition->cluster_id) continue;
    return Complain{fmt::format("{} belongs to cluster {:x} and {} to cluster {:x}: which one to join cannot be told. "
                                "Name nodes of one cluster in embedded.peers.",
                                first->address, first->condition->cluster_id, answer.address,
                                answer.condition->cluster_id)};
  }
  return std::nullopt;
}

std::optional<Step> meet_members(const Situation& now) {
  for (const auto& [address, condition] : now.answers) {
    if (!condition || condition->standing != Standing::kMember) continue;
    const auto& founding = condition->founding;
    if (now.self.standing == Standing::kPromised) {
      if (founding && *founding == *now.self.founding) return Commit{*founding};
      return Complain{fmt::format(
          "this node promised to found cluster {:x}, but {} is a member of cluster {:x}. If no other node belongs to the "
          "former, remove this node's consensus directory and start again.",
          now.self.founding->cluster_id, address, condition->cluster_id)};
    }
    return Join{.through = address, .cluster_id = condition->cluster_id};
  }
  return std::nullopt;
}

std::optional<Step> notice_other_lists(const Situation& now) {
  for (const auto& [address, condition] : now.answers) {
    if (!condition || condition->list == now.list) continue;
    return Complain{fmt::format(
        "the lists of nodes differ, so no cluster is formed: embedded.peers of this node and its own address make [{}], "
        "those of {} make [{}]. Make them equal on all nodes, or name a node that already belongs to a cluster.",
        fmt::join(now.list, ", "), address, fmt::join(condition->list, ", "))};
  }
  return std::nullopt;
}

std::vector<std::string> silent_ones(const Situation& now) {
  std::vector<std::string> silent;
  for (const auto& answer : now.answers) {
    if (!answer.condition) silent.push_back(answer.address);
  }
  return silent;
}

Founding make_founding(const Situation& now) {
  Founding founding{.cluster_id = now.fresh_cluster_id, .list_hash = hash_of(now.list)};
  founding.founders.push_back({.raft_id = now.self.raft_id, .address = now.address, .name = now.name});
  for (const auto& [address, condition] : now.answers) {
    founding.founders.push_back({.raft_id = condition->raft_id, .address = address, .name = condition->name});
  }
  std::sort(founding.founders.begin(), founding.founders.end(),
            [](const Founder& a, const Founder& b) { return a.address < b.address; });
  const auto voters = voters_among(founding.founders.size(), {.two_voters_allowed = now.two_voters_allowed});
  for (std::size_t i = voters; i < founding.founders.size(); ++i) founding.founders[i].votes = false;
  return founding;
}

std::optional<Step> notice_doubles(const Situation& now) {
  std::vector<std::string> names{now.name};
  std::vector<std::uint64_t> ids{now.self.raft_id};
  for (const auto& [address, condition] : now.answers) {
    if (!condition) continue;
    if (std::find(names.begin(), names.end(), condition->name) != names.end()) {
      return Complain{fmt::format("two nodes are named {}; the second is at {}. Give each node its own name.",
                                  condition->name, address)};
    }
    if (std::find(ids.begin(), ids.end(), condition->raft_id) != ids.end()) {
      return Complain{fmt::format(
          "the node at {} has the same id as another: its consensus directory is a copy, or two addresses of the list "
          "lead to one node. Remove the copy, or name each node once.",
          address)};
    }
    names.push_back(condition->name);
    ids.push_back(condition->raft_id);
  }
  return std::nullopt;
}

// All of the list answered and none is a member.
Step found_or_wait(const Situation& now) {
  if (now.self.standing == Standing::kPromised) {
    // The proposer goes on with what it promised itself; a founder waits for its proposer.
    const auto& founding = *now.self.founding;
    if (founding.founders.front().raft_id == now.self.raft_id) return Propose{founding};
    for (const auto& [address, condition] : now.answers) {
      if (address == founding.founders.front().address && condition->raft_id != founding.founders.front().raft_id) {
        return Complain{fmt::format(
            "this node promised to found a cluster with a node at {} whose consensus directory has been lost since. "
            "Nothing was written to that cluster: remove this node's consensus directory too and start again.",
            address)};
      }
    }
    return KeepAsking{"waiting for the node that proposed the cluster to commit it"};
  }
  if (now.list.front() != now.address) return KeepAsking{fmt::format("waiting for {} to propose the cluster", now.list.front())};
  for (const auto& [address, condition] : now.answers) {
    if (condition->standing == Standing::kPromised) {
      return Complain{fmt::format(
          "the node at {} promised to found another cluster. If that cluster was never used, remove the consensus "
          "directory of {} and start again.",
          address, address)};
    }
  }
  return Propose{make_founding(now)};
}

}  // namespace

std::vector<std::string> founding_list(std::vector<std::string> peers, const std::string& own_address) {
  peers.push_back(own_address);
  std::sort(peers.begin(), peers.end());
  peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
  return peers;
}

std::string hash_of(const std::vector<std::string>& list) {
  std::string text;
  for (const auto& address : list) text.append(address).push_back('\n');
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string hash;
  for (const auto byte : digest) hash += fmt::format("{:02x}", byte);
  return hash;
}

Step next_step(const Situation& now) {
  if (now.list.size() == 1) {
    if (now.self.standing == Standing::kPromised || now.may_form_alone) {
      return Propose{now.self.founding ? *now.self.founding : make_founding(now)};
    }
    return Complain{
        "embedded.peers names no other node. A cluster of one is formed only over an empty data directory of PostgreSQL "
        "or with --form-new-cluster; to join a cluster name one of its nodes in embedded.peers."};
  }
  if (auto torn = notice_two_clusters(now)) return *torn;
  if (auto met = meet_members(now)) return *met;
  if (auto doubled = notice_doubles(now)) return *doubled;
  if (auto differing = notice_other_lists(now)) return *differing;
  if (const auto silent = silent_ones(now); !silent.empty()) {
    return KeepAsking{fmt::format("waiting for {} to form the cluster: all nodes of the list must be there once",
                                  fmt::join(silent, ", "))};
  }
  if (now.list.size() == 2 && !now.two_voters_allowed) {
    return Complain{
        "two nodes cannot outvote a failure of either: add a third (a witness is enough), or allow it with "
        "embedded.allow_two_voters, knowing that the loss of any one stops the cluster."};
  }
  return found_or_wait(now);
}

tl::expected<void, std::string> may_promise(const Identity& self, const std::vector<std::string>& own_list,
                                            const Founding& founding) {
  const auto refuse = [](std::string why) { return tl::unexpected(std::move(why)); };
  if (self.standing == Standing::kMember) {
    if (self.founding == founding) return {};
    return refuse("I belong to a cluster already");
  }
  if (self.standing == Standing::kPromised && *self.founding != founding) return refuse("I promised to found another cluster");
  if (founding.list_hash != hash_of(own_list)) return refuse("my list of nodes is another one");
  const auto me = std::find_if(founding.founders.begin(), founding.founders.end(),
                               [&](const Founder& founder) { return founder.raft_id == self.raft_id; });
  if (me == founding.founders.end()) return refuse("my id is not among the founders");
  if (founding.founders.size() != own_list.size()) return refuse("the founders are not my list");
  return {};
}

tl::expected<void, std::string> may_commit(const Identity& self, const Founding& founding) {
  if (self.standing == Standing::kMember && self.founding == founding) return {};
  if (self.standing == Standing::kPromised && *self.founding == founding) return {};
  return tl::unexpected(std::string("I have not promised to found that cluster"));
}

}  // namespace matriarch::consensus::membership
