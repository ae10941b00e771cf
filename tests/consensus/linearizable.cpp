#include "linearizable.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace matriarch::consensus::test {
namespace {

using State = std::optional<std::string>;

// Whether the operation can have happened in this state, and the state after it. No std::optional<State>: an optional in
// an optional converts in surprising ways.
struct Effect {
  bool possible = true;
  State state = {};
};

Effect effect_of(const Operation& operation, const State& state) {
  const bool unknown = operation.ended == Operation::kNever;
  const bool as_expected = state == operation.expected;
  switch (operation.kind) {
    case Operation::Kind::kRead: return {.possible = operation.value == state, .state = state};
    case Operation::Kind::kWrite: return {.state = operation.value};
    case Operation::Kind::kCompareAndSet:
      return {.possible = unknown || operation.succeeded == as_expected, .state = as_expected ? operation.value : state};
  }
  return {.possible = false};
}

struct Mark {  // a call or a return, in a list ordered by time
  std::size_t operation = 0;
  bool is_call = false;
  std::size_t partner = 0;  // of a call: its return
  std::size_t previous = 0;
  std::size_t next = 0;
};

class Search {
 public:
  explicit Search(const std::vector<Operation>& history) : history_(history), done_(history.size()) {
    struct Moment {
      std::int64_t when;
      bool is_call;
      std::size_t operation;
    };
    std::vector<Moment> moments;
    for (std::size_t i = 0; i < history.size(); ++i) {
      moments.push_back({history[i].begun, true, i});
      moments.push_back({history[i].ended, false, i});
    }
    // At one moment calls come before returns: operations that touch are concurrent.
    std::stable_sort(moments.begin(), moments.end(), [](const Moment& a, const Moment& b) {
      return a.when != b.when ? a.when < b.when : a.is_call && !b.is_call;
    });
    marks_.resize(moments.size() + 2);  // with a head and a tail
    std::map<std::size_t, std::size_t> calls;
    for (std::size_t i = 0; i < moments.size(); ++i) {
      marks_[i + 1] = {.operation = moments[i].operation, .is_call = moments[i].is_call};
      if (moments[i].is_call) calls[moments[i].operation] = i + 1;
      else marks_[calls.at(moments[i].operation)].partner = i + 1;
    }
    for (std::size_t i = 0; i + 1 < marks_.size(); ++i) {
      marks_[i].next = i + 1;
      marks_[i + 1].previous = i;
    }
  }

  bool fits() {
    State state;
    std::vector<std::pair<std::size_t, State>> taken;  // calls, and the state before each
    std::size_t at = marks_[0].next;
    const std::size_t tail = marks_.size() - 1;
    while (marks_[0].next != tail) {
      if (at != tail && marks_[at].is_call) {
        const auto operation = marks_[at].operation;
        auto effect = effect_of(history_[operation], state);
        done_[operation] = true;
        if (effect.possible && seen_.insert({done_, effect.state}).second) {
          taken.emplace_back(at, state);
          state = std::move(effect.state);
          lift(at);
          at = marks_[0].next;
          continue;
        }
        done_[operation] = false;
        at = marks_[at].next;
        continue;
      }
      // A return that is due before its call was taken (or only operations of unknown outcome are left): go back.
      if (at == tail || history_[marks_[at].operation].ended == Operation::kNever) {
        if (only_unknown_left()) return true;
      }
      if (taken.empty()) return false;
      at = taken.back().first;
      state = taken.back().second;
      taken.pop_back();
      done_[marks_[at].operation] = false;
      unlift(at);
      at = marks_[at].next;
    }
    return true;
  }

 private:
  bool only_unknown_left() const {
    for (std::size_t at = marks_[0].next; at != marks_.size() - 1; at = marks_[at].next) {
      if (history_[marks_[at].operation].ended != Operation::kNever) return false;
    }
    return true;
  }
  void lift(std::size_t call) {
    for (const auto at : {call, marks_[call].partner}) {
      marks_[marks_[at].previous].next = marks_[at].next;
      marks_[marks_[at].next].previous = marks_[at].previous;
    }
  }
  void unlift(std::size_t call) {
    for (const auto at : {marks_[call].partner, call}) {
      marks_[marks_[at].previous].next = at;
      marks_[marks_[at].next].previous = at;
    }
  }

  const std::vector<Operation>& history_;
  std::vector<bool> done_;
  std::vector<Mark> marks_;
  std::set<std::pair<std::vector<bool>, State>> seen_;
};

}  // namespace

bool is_linearizable(const std::vector<Operation>& history) { return Search(history).fits(); }

std::vector<std::string> shortfalls(const Tally& seen, const Tally& planned) {
  std::vector<std::string> found;
  const auto compare = [&](const char* what, std::size_t saw, std::size_t wanted) {
    if (saw < wanted) found.push_back(std::string(what) + ": " + std::to_string(saw) + " of " + std::to_string(wanted));
  };
  compare("operations answered", seen.answered, planned.answered);
  compare("processes killed", seen.kills, planned.kills);
  compare("processes frozen", seen.freezes, planned.freezes);
  return found;
}

}  // namespace matriarch::consensus::test
