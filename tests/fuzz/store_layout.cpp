// Any bytes in any record make a view, and what is read and can be written is read the same again.
#include <cstdlib>

#include "model/json_text.hpp"
#include "store/layout/read.hpp"
#include "store/layout/write.hpp"

namespace layout = matriarch::store::layout;

namespace {

constexpr std::string_view kNames[] = {"initialize", "config", "leader", "status", "optime/leader", "members/pg1", "failover", "history", "sync", "failsafe"};

void expect(bool holds) {
  if (!holds) std::abort();
}

layout::Record a_record(std::string value) { return {.value = std::move(value), .mod_revision = 7, .session = 1}; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto name = kNames[data[0] % std::size(kNames)];
  const auto cluster = layout::read_cluster({{std::string(name), a_record(value)}}, {9});
  expect(cluster.revision.value == 9);

  expect(layout::read_status(layout::write_status(cluster.status)) == cluster.status);
  if (cluster.history && !cluster.history->lines.empty()) {
    auto again = layout::read_history(a_record(layout::write_history(cluster.history->lines)));
    expect(again.lines.size() == cluster.history->lines.size());
  }
  if (cluster.config && cluster.config->valid) {
    // Numbers beyond double's range are the one thing that JSON text has and a value has not.
    expect(layout::read_config(a_record(layout::write_config(cluster.config->document))).valid);
  }
  for (const auto& [member_name, member] : cluster.members) {
    (void)member.tags.failover_priority();
    (void)layout::write_member(member.data);
  }
  (void)cluster.timeline();
  (void)cluster.system_id();
  return 0;
}
