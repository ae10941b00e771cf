#include "consensus/membership/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace matriarch::consensus::membership {
namespace {

using raft::Role;

bool votes(const Seen& seen) { return seen.member.role == Role::kVoter; }

std::size_t count(const std::vector<Seen>& members, bool (*is)(const Seen&)) {
  return static_cast<std::size_t>(std::count_if(members.begin(), members.end(), is));
}
std::size_t voters(const std::vector<Seen>& members) { return count(members, votes); }
std::size_t living_voters(const std::vector<Seen>& members) {
  return count(members, [](const Seen& seen) { return votes(seen) && seen.is_alive; });
}

// A change must be agreed on by a majority of the voters after it, and leave one alive.
bool keeps_majority(std::size_t voters_after, std::size_t living_after) { return living_after > voters_after / 2; }

bool may_lose_vote(const std::vector<Seen>& members, const Seen& seen) {
  const auto after = voters(members) - 1;
  return after > 0 && keeps_majority(after, living_voters(members) - (seen.is_alive ? 1 : 0));
}

bool can_be_promoted(const Seen& seen) {
  return seen.member.role == Role::kStandby && seen.is_alive && seen.is_caught_up;
}

std::optional<Assign> first_spare(const std::vector<Seen>& members) {
  for (const auto& seen : members) {
    if (seen.member.role == Role::kSpare && seen.is_alive) return Assign{seen.member.id, Role::kStandby};
  }
  return std::nullopt;
}

// Enough of them together, so that the way there does not end at an even number.
std::optional<Assign> promotion(const std::vector<Seen>& members, std::size_t wanted) {
  const auto have = voters(members);
  const auto candidates = count(members, can_be_promoted);
  if (have >= wanted || candidates == 0) return std::nullopt;
  const bool ends_well = have + candidates >= wanted || (have + 1) % 2 == 1;
  if (!ends_well || !keeps_majority(have + 1, living_voters(members) + 1)) return std::nullopt;
  const auto chosen = std::find_if(members.begin(), members.end(), can_be_promoted);
  return Assign{chosen->member.id, Role::kVoter};
}

// Who gives up its vote when there are too many: the silent first, never the leader.
std::optional<Assign> demotion(const std::vector<Seen>& members, std::size_t wanted) {
  if (voters(members) <= wanted) return std::nullopt;
  for (const bool alive : {false, true}) {
    for (auto seen = members.rbegin(); seen != members.rend(); ++seen) {
      if (!votes(*seen) || seen->is_leader || seen->is_alive != alive || !may_lose_vote(members, *seen)) continue;
      return Assign{seen->member.id, Role::kStandby};
    }
  }
  return std::nullopt;
}

// A voter that stays away makes room for a standby that is there.
std::optional<Assign> replacement(const std::vector<Seen>& members) {
  if (count(members, can_be_promoted) == 0) return std::nullopt;
  for (const auto& seen : members) {
    if (votes(seen) && seen.is_long_gone && !seen.is_leader && may_lose_vote(members, seen)) {
      return Assign{seen.member.id, Role::kSpare};
    }
  }
  return std::nullopt;
}

}  // namespace

std::size_t voters_among(std::size_t members, const PlanRules& rules) {
  if (members == 2 && rules.two_voters_allowed) return 2;
  const auto odd = members % 2 == 1 ? members : members - 1;
  return std::min(odd, rules.most_voters);
}

std::optional<Assign> next_assignment(const std::vector<Seen>& members, const PlanRules& rules) {
  if (members.empty()) return std::nullopt;
  const auto wanted = voters_among(members.size(), rules);
  if (auto step = first_spare(members)) return step;
  if (auto step = replacement(members)) return step;
  if (auto step = promotion(members, wanted)) return step;
  return demotion(members, wanted);
}

tl::expected<void, std::string> may_remove(const std::vector<Seen>& members, std::uint64_t id) {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const Seen& seen) { return seen.member.id == id; });
  if (found == members.end()) return tl::unexpected(std::string("no such member"));
  if (members.size() == 1) return tl::unexpected(std::string("it is the last member"));
  if (!votes(*found) || may_lose_vote(members, *found)) return {};
  if (voters(members) == 1) {
    return tl::unexpected(std::string("it is the only voter: the cluster would stop. Add another voter first"));
  }
  std::vector<std::string> silent;
  for (const auto& seen : members) {
    if (votes(seen) && !seen.is_alive && seen.member.id != id) silent.push_back(seen.member.address);
  }
  return tl::unexpected(fmt::format(
      "of the {} voters that would remain only {} are alive, which is no majority: the cluster would stop. {} does not "
      "answer: bring it back first, or add another voter.",
      voters(members) - 1, living_voters(members) - (found->is_alive ? 1 : 0), fmt::join(silent, ", ")));
}

}  // namespace matriarch::consensus::membership
