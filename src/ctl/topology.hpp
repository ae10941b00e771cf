// Who follows whom, as a tree.
#pragma once

#include <string>
#include <vector>

#include "model/member_view.hpp"

namespace matriarch::ctl {

struct Branch {
  const model::MemberView* view = nullptr;
  std::string name;  // with its indentation: "pg-a", "+ pg-b", "  + pg-c"
};

// Depth first, siblings by name. A member follows the one named in its tag `replicatefrom` if that is another, existing one
// that is not the leader, else the leader. Members that follow one another in a circle come last, at the first level.
std::vector<Branch> make_tree(const std::vector<model::MemberView>& views);

}  // namespace matriarch::ctl
