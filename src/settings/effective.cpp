#include "settings/effective.hpp"

#include <array>
#include <fmt/format.h>

#include "settings/parameters.hpp"
#include "settings/postgresql_section.hpp"
#include "settings/reader.hpp"
#include "settings/sections.hpp"
#include "settings/store_section.hpp"
#include "settings/support.hpp"
#include "settings/values.hpp"

namespace matriarch::settings {
namespace {

namespace json = boost::json;

// Sections that no Patroni file has: here an unknown key is a mistake, and one in `peers` would found a second cluster.
constexpr std::array<std::string_view, 2> kOwnSections{"embedded", "matriarch"};

constexpr std::string_view kReservedName = "__patroni_strict_sync_replica_placeholder__";

// The tree with the old names of Patroni 1 and 2 replaced.
json::object modernised(json::object local) {
  json::value* postgresql = local.if_contains("postgresql");
  if (postgresql != nullptr && postgresql->is_object()) {
    modernise_postgresql(postgresql->get_object());
    const json::value* name = postgresql->get_object().if_contains("name");
    if (name != nullptr && !local.contains("name")) local["name"] = *name;
  }
  return local;
}

// A method the user wrote has a section of its own name.
std::function<bool(std::string_view)> own_sections(const json::object& local, const json::object& dynamic_postgresql) {
  std::set<std::string> paths;
  for (const json::object* section : {&mapping_at(local, "postgresql"), &dynamic_postgresql}) {
    for (const std::string& method : replica_methods_of(*section)) paths.insert("postgresql." + method);
  }
  const json::object& bootstrap = mapping_at(local, "bootstrap");
  for (const auto& [key, value] : bootstrap) {
    const bool is_named = bootstrap.contains("method") && bootstrap.at("method") == json::value(key);
    if (is_named || (value.is_object() && value.get_object().contains("command"))) paths.insert(fmt::format("bootstrap.{}", std::string_view(key)));
  }
  return [paths](std::string_view path) { return paths.contains(std::string(path)); };
}

TimingLimits limits_for(const json::object& local, Neighbours neighbours) {
  if (neighbours == Neighbours::kPatroni) return TimingLimits::kPatroni;
  if (local.contains("embedded") || local.contains("raft")) return TimingLimits::kEmbedded;
  return neighbours == Neighbours::kMatriarch ? TimingLimits::kMatriarchOnly : TimingLimits::kPatroni;
}

class Maker {
 public:
  Maker(const json::object& local, const DynamicSources& dynamic, const Circumstances& circumstances)
      : local_(modernised(local)), sources_(dynamic), circumstances_(circumstances) {}

  Effective make() {
    if (local_.empty()) {
      complain({.wrong = "Config is empty."});
      return std::move(result_);
    }
    choose_dynamic();
    check_local_keys();
    read_identity();
    read_rest_of_node();
    read_store_section();
    return std::move(result_);
  }

 private:
  bool is_node() const { return circumstances_.purpose == Purpose::kNode; }
  void complain(Complaint complaint) { result_.complaints.push_back(std::move(complaint)); }

  // The store's document, else the cached one, else what the file would bootstrap with, else the defaults.
  void choose_dynamic() {
    const TimingLimits limits = limits_for(local_, circumstances_.neighbours);
    if (try_document(sources_.store, "dynamic configuration", limits)) return;
    if (try_document(sources_.cached, "cached dynamic configuration", limits)) return;
    const json::object& initial = mapping_at(mapping_at(local_, "bootstrap"), "dcs");
    if (auto accepted = accept_dynamic(initial, limits)) result_.settings.dynamic = std::move(accepted->settings);
  }

  bool try_document(const std::optional<json::object>& document, const char* where, TimingLimits limits) {
    if (!document || document->empty()) return false;
    auto accepted = accept_dynamic(*document, limits);
    Complaints& told = accepted ? result_.complaints : result_.rejected;
    if (!accepted) {
      add(told, accepted.error(), where);
      return false;
    }
    add(told, accepted->warnings, where);
    add(told, accepted->fallbacks, where);
    result_.settings.dynamic = std::move(accepted->settings);
    return true;
  }

  static void add(Complaints& to, const Complaints& from, const char* where) {
    for (Complaint complaint : from) {
      if (complaint.where.empty()) complaint.where = where;
      to.push_back(std::move(complaint));
    }
  }

  const json::object& dynamic_postgresql() const { return mapping_at(result_.settings.dynamic.document, "postgresql"); }

  void check_local_keys() {
    // The tool of an operator must work with a file that the service would refuse.
    const bool starts_something = circumstances_.purpose != Purpose::kControl;
    const std::span<const std::string_view> strict_sections = starts_something ? kOwnSections : std::span<const std::string_view>{};
    check_keys(local_, {.keys = local_keys(), .strict = circumstances_.strict, .strict_sections = strict_sections,
                        .is_known = own_sections(local_, dynamic_postgresql())},
               result_.complaints);
    if (circumstances_.purpose == Purpose::kWitness) return;
    check_bootstrap_document();
  }

  // What a new cluster would begin with must be right; where a cluster exists already it is read no more, and a mistake
  // in it is no reason not to start.
  void check_bootstrap_document() {
    const json::object& bootstrap = mapping_at(local_, "bootstrap");
    const json::value* document = bootstrap.if_contains("dcs");
    if (document == nullptr || document->is_null()) return;
    Reader typed(document, "bootstrap.dcs", result_.complaints);
    const Severity severity = sources_.store || sources_.cached ? Severity::kWarning : Severity::kError;
    auto accepted = accept_dynamic(typed.object(), limits_for(local_, circumstances_.neighbours));
    if (!accepted) {
      add_below_bootstrap(accepted.error(), severity);
      return;
    }
    add_below_bootstrap(accepted->warnings, Severity::kWarning);
    add_below_bootstrap(accepted->fallbacks, severity);
  }

  void add_below_bootstrap(const Complaints& complaints, Severity severity) {
    for (Complaint complaint : complaints) {
      complaint.path = complaint.path.empty() ? "bootstrap.dcs" : "bootstrap.dcs." + complaint.path;
      const bool is_unknown_key = complaint.wrong.starts_with("is not a known key");
      complaint.severity = circumstances_.strict && is_unknown_key ? Severity::kError : severity;
      complain(std::move(complaint));
    }
  }

  void read_identity() {
    Reader reader(&root_value(), "", result_.complaints);
    model::Settings& settings = result_.settings;
    settings.scope = is_node() ? reader.required_text("scope") : reader.text("scope");
    settings.name.text = is_node() ? reader.required_text("name") : reader.text("name");
    settings.name_space = reader.text("namespace", "service");
    if (settings.name.text == kReservedName) {
      complain({.path = "name", .wrong = fmt::format("Node 'name' can't be set to '{}'", kReservedName)});
    }
    if (settings.scope.find('/') != std::string::npos) {
      complain({.path = "scope", .value = settings.scope, .wrong = "contains a /, which separates the keys of the store"});
    }
    if (settings.name.text.find('/') != std::string::npos) {
      complain({.path = "name", .value = settings.name.text, .wrong = "contains a /, which separates the keys of the store"});
    }
    settings.run_dir = reader.section("matriarch").text("run_dir");
  }

  const json::value& root_value() {
    if (root_.is_null()) root_ = local_;
    return root_;
  }

  void read_rest_of_node() {
    model::Settings& settings = result_.settings;
    settings.log = read_log(local_, result_.complaints);
    if (circumstances_.purpose == Purpose::kWitness) return;
    settings.restapi = read_restapi(local_, is_node(), result_.complaints);
    settings.ctl = read_ctl(local_, settings.restapi, result_.complaints);
    settings.watchdog = read_watchdog(local_, result_.complaints);
    settings.tags = read_tags(local_, result_.complaints);
    settings.bootstrap = read_bootstrap(local_, result_.complaints);
    read_postgresql_section();
  }

  void read_postgresql_section() {
    check_local_postgresql(local_.if_contains("postgresql"), "postgresql", result_.complaints);
    const json::object& local = mapping_at(local_, "postgresql");
    result_.settings.postgresql = read_postgresql(merge_postgresql(local, dynamic_postgresql()), is_node(), result_.complaints);
    result_.settings.postgresql.parameters = merge_parameters(local, dynamic_postgresql());
  }

  void read_store_section() {
    const auto& settings = result_.settings;
    const StoreContext context{.rest_host = settings.restapi.connect_address.host, .data_dir = settings.postgresql.data_dir,
                               .runs_store = circumstances_.purpose != Purpose::kControl};
    if (auto store = read_store(local_, context, result_.complaints)) result_.settings.store = std::move(*store);
    if (circumstances_.purpose == Purpose::kWitness && !local_.contains("embedded") && !local_.contains("raft")) {
      complain({.path = "embedded", .wrong = "is not defined.", .right = "a witness votes in the embedded store and does nothing else"});
    }
  }

  json::object local_;
  json::value root_;
  const DynamicSources& sources_;
  const Circumstances& circumstances_;
  Effective result_;
};

// The place of the key itself, or of the nearest thing around it.
std::string origin_of(const Origins& origins, std::string path) {
  while (!path.empty()) {
    if (const auto found = origins.find(path); found != origins.end()) return found->second;
    const std::size_t dot = path.rfind('.');
    path.resize(dot == std::string::npos ? 0 : dot);
  }
  return {};
}

}  // namespace

Effective make_settings(const json::object& local, const DynamicSources& dynamic, const Circumstances& circumstances) {
  return Maker(local, dynamic, circumstances).make();
}

Effective make_settings(const Loaded& local, const DynamicSources& dynamic, const Circumstances& circumstances) {
  if (!local.usable()) return {.complaints = local.complaints};
  Effective effective = make_settings(local.raw, dynamic, circumstances);
  for (Complaint& complaint : effective.complaints) {
    if (complaint.where.empty()) complaint.where = origin_of(local.origins, complaint.path);
  }
  effective.complaints.insert(effective.complaints.begin(), local.complaints.begin(), local.complaints.end());
  return effective;
}

}  // namespace matriarch::settings
