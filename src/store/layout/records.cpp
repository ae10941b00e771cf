#include "store/layout/records.hpp"

namespace matriarch::store::layout {

std::optional<model::MemberName> member_of(std::string_view record) {
  if (!record.starts_with(kMembers)) return std::nullopt;
  record.remove_prefix(kMembers.size());
  if (record.empty() || record.find('/') != std::string_view::npos) return std::nullopt;
  return model::MemberName(std::string(record));
}

}  // namespace matriarch::store::layout
