// What a dead agent left running: pg_rewind, pg_basebackup, single-user servers, scripts. Nothing of it may go on writing
// when the next agent starts.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "guardian/marks.hpp"
#include "system/process_tree.hpp"

namespace matriarch::guardian {

class Strays {
 public:
  explicit Strays(std::string run_directory);

  // Whether a guardian before this one may have left some, which are no descendants of ours: looked for until nothing of
  // the kind is found.
  void expect_leftovers(bool expected) noexcept { leftovers_ = expected; }
  // Finds them anew: all below us, without the subtrees in `spare`, that do not descend from PostgreSQL.
  std::span<const system::ProcessStat> look(std::span<const pid_t> spare);
  void kill();  // SIGKILL to what look() found

 private:
  std::string agent_mark_;
  std::string store_mark_;
  std::string postgres_mark_;
  system::ProcessTree tree_;
  std::vector<system::ProcessStat> found_;
  bool leftovers_ = true;
};

}  // namespace matriarch::guardian
