// Short words for tests of the machine, and random commands over a few keys and leases so that they often meet.
#pragma once

#include <rapidcheck.h>

#include <string>
#include <vector>

#include "consensus/machine/machine.hpp"

namespace matriarch::consensus::machine::test {

inline Command put_key(std::string key, std::string value, LeaseId lease = 0) {
  PutRequest request{.key = std::move(key), .value = std::move(value), .lease = lease};
  return put(std::move(request));
}

inline Command delete_key(std::string key) {
  DeleteRequest request{.keys = {.key = std::move(key)}};
  return erase(std::move(request));
}

inline Operation writes(std::string key, std::string value, LeaseId lease = 0) {
  return {PutRequest{.key = std::move(key), .value = std::move(value), .lease = lease}};
}
inline Operation deletes(std::string key) { return {DeleteRequest{.keys = {.key = std::move(key)}}}; }
inline Operation reads(std::string key) { return {RangeRequest{.keys = {.key = std::move(key)}}}; }

inline Compare created(std::string key, Revision revision) {
  return {.target = Compare::Target::kCreate, .keys = {.key = std::move(key)}, .number = revision};
}
inline Compare has_value(std::string key, std::string value) {
  return {.target = Compare::Target::kValue, .keys = {.key = std::move(key)}, .value = std::move(value)};
}

inline std::string value_of(const Machine& machine, std::string_view key) {
  const auto kv = machine.find(key);
  return kv ? kv->value : "(absent)";
}

inline std::vector<Stored> everything_in(const Machine& machine) {
  const RangeRequest everything{.keys = {.key = std::string(1, '\0'), .end = std::string(1, '\0')}};
  return machine.range(everything).value().kvs;
}

inline rc::Gen<std::string> some_key() { return rc::gen::element<std::string>("a", "b", "c/1", "c/2", "d"); }
inline rc::Gen<LeaseId> some_lease() { return rc::gen::inRange<LeaseId>(0, 4); }
inline rc::Gen<KeyRange> some_range() {
  return rc::gen::map(rc::gen::pair(some_key(), rc::gen::element<std::string>("", "c/", "d", std::string(1, '\0'))),
                      [](std::pair<std::string, std::string> p) { return KeyRange{.key = p.first, .end = p.second}; });
}

inline Operation some_operation(int depth);

inline Transaction some_transaction(int depth) {
  Transaction transaction;
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
    transaction.compare.push_back({.target = static_cast<Compare::Target>(*rc::gen::inRange(0, 5)),
                                   .result = static_cast<Compare::Result>(*rc::gen::inRange(0, 4)),
                                   .keys = *some_range(),
                                   .number = *rc::gen::inRange<std::int64_t>(0, 12),
                                   .value = *rc::gen::element<std::string>("", "x", "y")});
  }
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) transaction.success.push_back(some_operation(depth));
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i) transaction.failure.push_back(some_operation(depth));
  return transaction;
}

inline Operation some_operation(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 7)) {
    case 0: return {RangeRequest{.keys = *some_range(), .limit = *rc::gen::inRange<std::int64_t>(0, 3)}};
    case 1: return {DeleteRequest{.keys = *some_range(), .prev_kv = *rc::gen::arbitrary<bool>()}};
    case 7: return {some_transaction(depth - 1)};
    default: {
      PutRequest request{.key = *some_key(),
                         .value = *rc::gen::element<std::string>("", "x", "y", "zz"),
                         .lease = *some_lease(),
                         .prev_kv = *rc::gen::arbitrary<bool>()};
      if (*rc::gen::inRange(0, 8) == 0) {
        request.value.clear();
        request.ignore_value = true;
      }
      return {request};
    }
  }
}

inline Command some_command() {
  Command command;
  switch (*rc::gen::inRange(0, 12)) {
    case 0:
    case 1: command.body = GrantLease{.id = *some_lease(), .ttl_ms = *rc::gen::inRange<std::int64_t>(50, 5000)}; break;
    case 2: command.body = KeepAlive{.id = *some_lease()}; break;
    case 3: command.body = RevokeLease{.id = *some_lease()}; break;
    case 4: command.body = ExpireLease{.id = *some_lease(), .kept_alive_at = *rc::gen::inRange<Step>(0, 40)}; break;
    case 5: command.body = SetNode{Node{.raft_id = *rc::gen::inRange<std::uint64_t>(1, 4), .name = *some_key()}}; break;
    case 6: command.body = Compact{.revision = *rc::gen::inRange<Revision>(0, 10)}; break;
    default: command.body = some_transaction(2); break;
  }
  if (*rc::gen::inRange(0, 3) == 0) {
    command.origin = {.client = *rc::gen::inRange<std::uint64_t>(1, 4),
                      .sequence = *rc::gen::inRange<std::uint64_t>(1, 30)};
  }
  return command;
}

inline std::vector<Command> some_commands() {
  std::vector<Command> commands;
  for (int i = *rc::gen::inRange(1, 60); i > 0; --i) commands.push_back(some_command());
  return commands;
}

}  // namespace matriarch::consensus::machine::test
