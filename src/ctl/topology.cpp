#include "ctl/topology.hpp"

#include <map>
#include <set>

namespace matriarch::ctl {
namespace {

using model::MemberName;
using model::MemberView;

class Tree {
 public:
  explicit Tree(const std::vector<MemberView>& views) {
    for (const auto& view : views) {
      by_name_[view.member->name] = &view;
      if (view.holds_leader_key) leader_ = view.member->name;
    }
    for (const auto& view : views) {
      if (!view.holds_leader_key) followers_[upstream_of(view)].push_back(&view);
    }
  }

  std::vector<Branch> grow() {
    if (!leader_.empty()) add(*by_name_.at(leader_), 0);
    if (leader_.empty()) add_followers(leader_, 1);
    for (const auto& [name, view] : by_name_) {
      if (!shown_.contains(name)) add(*view, 1);
    }
    return std::move(branches_);
  }

 private:
  MemberName upstream_of(const MemberView& view) const {
    const auto wanted = view.member->tags.replicatefrom();
    const bool usable = wanted && *wanted != view.member->name && *wanted != leader_ && by_name_.contains(*wanted);
    return usable ? *wanted : leader_;
  }
  void add(const MemberView& view, std::size_t depth) {
    if (!shown_.insert(view.member->name).second) return;
    const std::string prefix = depth == 0 ? "" : std::string(2 * (depth - 1), ' ') + "+ ";
    branches_.push_back({&view, prefix + view.member->name.text});
    add_followers(view.member->name, depth + 1);
  }
  void add_followers(const MemberName& upstream, std::size_t depth) {
    for (const auto* follower : followers_[upstream]) add(*follower, depth);
  }

  std::map<MemberName, const MemberView*> by_name_;
  std::map<MemberName, std::vector<const MemberView*>> followers_;
  std::set<MemberName> shown_;
  MemberName leader_;
  std::vector<Branch> branches_;
};

}  // namespace

std::vector<Branch> make_tree(const std::vector<MemberView>& views) { return Tree(views).grow(); }

}  // namespace matriarch::ctl
