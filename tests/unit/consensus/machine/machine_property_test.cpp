// What holds for every history of commands.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "consensus/machine/codec.hpp"
#include "words.hpp"

namespace matriarch::consensus::machine {
namespace {

using namespace test;

RC_GTEST_PROP(MachineProperty, TheSameCommandsGiveTheSameState, ()) {
  const auto commands = some_commands();
  Machine one;
  Machine other;
  for (const auto& command : commands) {
    const auto a = one.apply(command);
    const auto b = other.apply(command);
    RC_ASSERT(equal(a.outcome, b.outcome));
  }
  RC_ASSERT(one.snapshot() == other.snapshot());
}

RC_GTEST_PROP(MachineProperty, ARestoredMachineGoesOnLikeTheFirst, ()) {
  const auto commands = some_commands();
  const auto cut = *rc::gen::inRange<std::size_t>(0, commands.size() + 1);
  Machine machine;
  for (std::size_t i = 0; i < cut; ++i) machine.apply(commands[i]);
  auto restored = Machine::from_snapshot(machine.snapshot());
  RC_ASSERT(restored.has_value());
  for (std::size_t i = cut; i < commands.size(); ++i) {
    RC_ASSERT(equal(machine.apply(commands[i]).outcome, restored->apply(commands[i]).outcome));
  }
  RC_ASSERT(machine.snapshot() == restored->snapshot());
}

RC_GTEST_PROP(MachineProperty, CommandsSurviveTheirEncoding, ()) {
  const auto command = some_command();
  const auto decoded = decode_command(encode(command));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == command);
}

RC_GTEST_PROP(MachineProperty, OutcomesSurviveTheirEncoding, ()) {
  Machine machine;
  for (const auto& command : some_commands()) {
    const auto outcome = machine.apply(command).outcome;
    const auto decoded = decode_outcome(encode(outcome));
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(equal(*decoded, outcome));
  }
}

RC_GTEST_PROP(MachineProperty, DamagedBytesAreAnErrorValue, ()) {
  Machine machine;
  for (const auto& command : some_commands()) machine.apply(command);
  auto bytes = machine.snapshot();
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  if (*rc::gen::arbitrary<bool>()) {
    bytes.resize(at);
  } else {
    bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(*rc::gen::inRange(1, 255)));
  }
  RC_ASSERT(!Machine::from_snapshot(bytes).has_value());
  RC_ASSERT(!Machine::from_snapshot(*rc::gen::arbitrary<std::string>()).has_value());
}

// Anything may come out, as long as something does.
RC_GTEST_PROP(MachineProperty, DecodingGarbageEnds, ()) {
  auto bytes = encode(some_command());
  for (int i = *rc::gen::inRange(1, 6); i > 0; --i) {
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
  }
  const auto decoded = decode_command(bytes);
  if (decoded) RC_ASSERT(decode_command(encode(*decoded)) == *decoded);
  const auto outcome = decode_outcome(bytes);
  if (outcome) RC_ASSERT(decode_outcome(encode(*outcome)).has_value());
}

// A watcher who applies the changes to what it read before sees the present state.
RC_GTEST_PROP(MachineProperty, TheHistoryLeadsFromThenToNow, ()) {
  const auto commands = some_commands();
  const auto cut = *rc::gen::inRange<std::size_t>(0, commands.size() + 1);
  Machine machine;
  for (std::size_t i = 0; i < cut; ++i) machine.apply(commands[i]);
  std::map<std::string, Stored> seen;
  for (const auto& kv : everything_in(machine)) seen[kv->key] = kv;
  const auto from = machine.revision() + 1;
  for (std::size_t i = cut; i < commands.size(); ++i) machine.apply(commands[i]);
  const auto changes = machine.changes_since(from);
  if (!changes) return;  // compacted by one of the commands
  for (const auto& change : *changes) {
    for (const auto& event : change.events) {
      RC_ASSERT(event.now->mod_revision == change.revision);
      if (event.type == Event::Type::kPut) seen[event.now->key] = event.now;
      else seen.erase(event.now->key);
    }
  }
  const auto now = everything_in(machine);
  RC_ASSERT(now.size() == seen.size());
  for (const auto& kv : now) RC_ASSERT(*seen.at(kv->key) == *kv);
}

RC_GTEST_PROP(MachineProperty, LeasesAndKeysAgreeAndBytesAreCounted, ()) {
  Machine machine;
  for (const auto& command : some_commands()) {
    machine.apply(command);
    std::size_t bytes = 0;
    std::map<LeaseId, std::set<std::string, std::less<>>> held;
    for (const auto& kv : everything_in(machine)) {
      bytes += kv->key.size() + kv->value.size();
      if (kv->lease != 0) held[kv->lease].insert(kv->key);
    }
    RC_ASSERT(bytes == machine.bytes());
    for (const auto& [id, lease] : machine.leases()) RC_ASSERT(lease.keys == held[id]);
    for (const auto& [id, keys] : held) RC_ASSERT(machine.find_lease(id) != nullptr);
  }
}

// Sending everything twice (answers were lost) is the same as once, for every command that names its origin.
RC_GTEST_PROP(MachineProperty, RepeatingCommandsChangesNothing, ()) {
  auto commands = some_commands();
  for (std::size_t i = 0; i < commands.size(); ++i) commands[i].origin = {.client = 1 + i % 2, .sequence = i + 1};
  Machine once;
  Machine twice;
  for (const auto& command : commands) {
    const auto first = once.apply(command);
    const auto a = twice.apply(command);
    const auto b = twice.apply(command);
    RC_ASSERT(b.repeated);
    RC_ASSERT(equal(a.outcome, b.outcome));
    // An expiry names a step, and steps count repetitions: compare all else.
    if (!std::holds_alternative<ExpireLease>(command.body)) RC_ASSERT(equal(first.outcome, a.outcome));
    else return;
  }
  RC_ASSERT(once.revision() == twice.revision());
}

}  // namespace
}  // namespace matriarch::consensus::machine
