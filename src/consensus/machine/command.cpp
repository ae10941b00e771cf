#include "consensus/machine/command.hpp"

#include <algorithm>

namespace matriarch::consensus::machine {
namespace {

bool only_reads(const std::vector<Operation>& branch) {
  return std::all_of(branch.begin(), branch.end(), [](const Operation& operation) {
    const auto* nested = std::get_if<Transaction>(&operation.what);
    return nested != nullptr ? is_read_only(*nested) : std::holds_alternative<RangeRequest>(operation.what);
  });
}

Command single(Operation operation, Origin origin) {
  Transaction transaction;
  transaction.success.push_back(std::move(operation));
  return {.origin = origin, .body = std::move(transaction)};
}

}  // namespace

bool is_read_only(const Transaction& transaction) {
  return only_reads(transaction.success) && only_reads(transaction.failure);
}

Command put(PutRequest request, Origin origin) { return single({std::move(request)}, origin); }
Command erase(DeleteRequest request, Origin origin) { return single({std::move(request)}, origin); }

}  // namespace matriarch::consensus::machine
