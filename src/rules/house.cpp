#include "rules/house.hpp"

#include <algorithm>
#include <cstdlib>

#include "rules/race.hpp"
#include "rules/tables.hpp"

namespace matriarch::rules {
namespace {

House build() {
  return {.tables = {prologue_table(), situation_table(), no_view_table(), store_unreachable_table(), task_running_table(),
                     starting_table(), bootstrapping_table(), no_data_table(), postgres_down_table(), leaderless_table(),
                     requested_race_table(), race_table(), leader_table(), promotion_table(), failover_request_table(),
                     follower_table(), following_table(), repair_table(), wishes_table(), synchronous_table(), priority_table(), quorum_table(),
                     epilogue_table()},
          .ways = {.position_in_history = position_in_history}};
}

}  // namespace

const Table& House::table(std::string_view name) const {
  const auto found = std::find_if(tables.begin(), tables.end(), [&](const Table& table) { return table.name == name; });
  if (found == tables.end()) std::abort();
  return *found;
}

const House& the_house() {
  static const House house = build();
  return house;
}

House without(House house, std::string_view rule) {
  std::size_t erased = 0;
  for (Table& table : house.tables) {
    erased += std::erase_if(table.duties, [&](const Rule& row) { return row.name == rule; });
    erased += std::erase_if(table.verdicts, [&](const Rule& row) { return row.name == rule; });
  }
  if (erased != 1) std::abort();
  return house;
}

House with(House house, const Rule& replacement) {
  std::size_t replaced = 0;
  for (Table& table : house.tables) {
    for (auto* rows : {&table.duties, &table.verdicts}) {
      for (Rule& row : *rows) {
        if (row.name != replacement.name) continue;
        row = replacement;
        ++replaced;
      }
    }
  }
  if (replaced != 1) std::abort();
  return house;
}

}  // namespace matriarch::rules
