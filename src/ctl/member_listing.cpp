#include "ctl/member_listing.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <functional>
#include <set>

#include "ctl/topology.hpp"
#include "model/member_view.hpp"
#include "model/timestamp.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;
using model::MemberView;

constexpr std::size_t kLongestReason = 50;

const json::value* published(const MemberView& view, std::string_view key) {
  const auto* value = view.member->data.if_contains(key);
  return value && !value->is_null() ? value : nullptr;
}

bool is_pending_restart(const MemberView& view) {
  const auto* flag = published(view, "pending_restart");
  return flag && model::to_boolean(*flag).value_or(false);
}

std::string title_case(std::string_view role) {
  std::string text(role);
  bool at_start = true;
  for (char& c : text) {
    if (c == '_') c = ' ';
    if (at_start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    at_start = c == ' ';
  }
  return text;
}

bool shows_ports(const std::vector<MemberView>& views) {
  std::set<std::string> hosts;
  return std::any_of(views.begin(), views.end(), [&](const MemberView& view) {
    return view.address && (view.address->port != 5432 || !hosts.insert(view.address->host).second);
  });
}

std::string host_text(const MemberView& view, bool with_port) {
  if (!view.address) return {};
  return with_port ? fmt::format("{}:{}", view.address->host, view.address->port) : view.address->host;
}

// Positions in the order of the columns: received, replayed. Members older than Patroni 4.1 publish a single one, which is
// what they received while they stream, else what they replayed.
struct Positions {
  std::optional<model::PublishedPosition> received, replayed;
};
Positions positions_of(const MemberView& view) {
  if (view.received || view.replayed || !view.location) return {view.received, view.replayed};
  if (view.state == "streaming") return {view.location, std::nullopt};
  return {std::nullopt, view.location};
}

// Half to even, as Python rounds.
std::int64_t to_megabytes(std::uint64_t bytes) { return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(bytes) / 1048576.0)); }

void add_position(std::vector<json::value>& row, const MemberView& view, const std::optional<model::PublishedPosition>& position) {
  if (view.holds_leader_key) {
    row.insert(row.end(), {"", ""});
  } else if (!position) {
    row.insert(row.end(), {"unknown", ""});
  } else {
    row.emplace_back(model::format_lsn(position->lsn));
    row.emplace_back(to_megabytes(position->lag));
  }
}

std::string reason_text(const MemberView& view, bool in_table) {
  const auto* reasons = published(view, "pending_restart_reason");
  if (!reasons || !reasons->is_object()) return {};
  std::string text;
  for (const auto& reason : reasons->get_object()) {
    const auto side = [&](const char* key) {
      const auto* value = reason.value().is_object() ? reason.value().get_object().if_contains(key) : nullptr;
      return value ? cell_text(*value) : std::string();
    };
    std::string line = fmt::format("{}: {}->{}", std::string_view(reason.key()), side("old_value"), side("new_value"));
    if (in_table && line.size() > kLongestReason) line = fmt::format("{}: [hidden - too long]", std::string_view(reason.key()));
    text += (text.empty() ? "" : "\n") + line;
  }
  return text;
}

std::string restart_text(const MemberView& view) {
  const auto* restart = published(view, "scheduled_restart");
  if (!restart || !restart->is_object()) return {};
  const auto* at = restart->get_object().if_contains("schedule");
  const auto* version = restart->get_object().if_contains("postgres_version");
  return (at ? cell_text(*at) : std::string()) + (version ? " if version < " + cell_text(*version) : std::string());
}

json::value tags_value(const MemberView& view) {
  const auto* tags = published(view, "tags");
  return tags && tags->is_object() && !tags->get_object().empty() ? *tags : json::value("");
}

// One of the columns that appear only when somebody has something to say.
struct OptionalColumn {
  const char* name;
  std::function<json::value(const MemberView&)> value;
};

std::vector<OptionalColumn> optional_columns(bool in_table) {
  return {{"Pending restart", [](const MemberView& view) { return json::value(is_pending_restart(view) ? "*" : ""); }},
          {"Pending restart reason", [=](const MemberView& view) { return json::value(reason_text(view, in_table)); }},
          {"Scheduled restart", [](const MemberView& view) { return json::value(restart_text(view)); }},
          {"Tags", tags_value}};
}

bool says_something(const json::value& value) { return !value.is_string() || !value.get_string().empty(); }

std::vector<json::value> row_of(const std::string& cluster, const std::string& name, const MemberView& view, bool in_table, bool with_port) {
  std::vector<json::value> row;
  if (!in_table) row.emplace_back(cluster);
  row.emplace_back(name);
  row.emplace_back(host_text(view, with_port));
  row.emplace_back(title_case(to_text(view.role)));
  row.emplace_back(view.state);
  row.push_back(view.timeline ? json::value(*view.timeline) : json::value(""));
  const auto positions = positions_of(view);
  add_position(row, view, positions.received);
  add_position(row, view, positions.replayed);
  return row;
}

Records make_records(const std::vector<MemberView>& views, const std::vector<Branch>& order, const std::string& cluster, const ListingOptions& options) {
  const bool in_table = options.format == Format::kPretty || options.format == Format::kTopology;
  Records records;
  if (!in_table) records.columns.push_back({"Cluster", {}});
  for (const char* name : {"Member", "Host", "Role", "State"}) records.columns.push_back({name, {}});
  records.columns.insert(records.columns.end(), {{"TL", {}, true}, {"Receive LSN", {}, true}, {"Receive Lag", "Lag", true},
                                                 {"Replay LSN", {}, true}, {"Replay Lag", "Lag", true}});
  const bool with_port = shows_ports(views);
  for (const auto& branch : order) records.rows.push_back(row_of(cluster, branch.name, *branch.view, in_table, with_port));
  for (const auto& column : optional_columns(in_table)) {
    const bool shown = options.extended || std::any_of(order.begin(), order.end(), [&](const Branch& branch) { return says_something(column.value(*branch.view)); });
    if (!shown) continue;
    records.columns.push_back({column.name, {}});
    for (std::size_t i = 0; i < order.size(); ++i) records.rows[i].push_back(column.value(*order[i].view));
  }
  return records;
}

std::string title_of(const model::Cluster& cluster, const std::string& name) {
  const std::string state = !cluster.initialize ? "uninitialized" : cluster.initialize->empty() ? "initializing" : *cluster.initialize;
  return fmt::format(" Cluster: {} ({}) ", name, state);
}

std::string lines_below(const model::Cluster& cluster) {
  std::string text;
  if (model::modes_of(cluster).paused) text += " Maintenance mode: on\n";
  if (!cluster.failover || !cluster.failover->scheduled_at) return text;
  text += fmt::format(" Switchover scheduled at: {}\n", cluster.failover->schedule);
  if (!cluster.failover->leader.empty()) text += fmt::format("{:>24}: {}\n", "from", cluster.failover->leader);
  if (!cluster.failover->candidate.empty()) text += fmt::format("{:>24}: {}\n", "to", cluster.failover->candidate);
  return text;
}

}  // namespace

std::string list_members(const model::Cluster& cluster, const std::string& name, const ListingOptions& options) {
  const auto views = model::describe_members(cluster);
  std::vector<Branch> order;
  if (options.format == Format::kTopology) order = make_tree(views);
  else for (const auto& view : views) order.push_back({&view, view.member->name.text});
  const auto records = make_records(views, order, name, options);
  std::string text = render(records, options.format, {.title = title_of(cluster, name), .omit_empty = true});
  const bool in_table = options.format == Format::kPretty || options.format == Format::kTopology;
  return in_table ? text + lines_below(cluster) : text;
}

}  // namespace matriarch::ctl
