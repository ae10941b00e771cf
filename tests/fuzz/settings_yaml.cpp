// Any bytes as a configuration file: settings or complaints, never a crash; what was read and is written is read the same again.
#include <cstdlib>

#include "settings/effective.hpp"
#include "settings/validate.hpp"
#include "settings/yaml.hpp"

namespace settings = matriarch::settings;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

bool has_nan(const boost::json::value& value) {
  if (value.is_double()) return value.get_double() != value.get_double();
  if (value.is_array()) {
    for (const auto& item : value.get_array()) {
      if (has_nan(item)) return true;
    }
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.get_object()) {
      if (has_nan(item)) return true;
    }
  }
  return false;
}

bool is_one_line(const settings::Complaints& complaints) {
  for (const auto& complaint : complaints) {
    if (settings::to_text(complaint).find('\n') != std::string::npos) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = settings::parse_yaml(text, "fuzz.yml");
  if (!document) {
    expect(is_one_line({document.error()}));
    return 0;
  }
  if (!has_nan(document->value)) {
    const auto again = settings::parse_yaml(settings::to_yaml(document->value), "again.yml");
    expect(again && again->value == document->value);
  }
  if (!document->value.is_object()) return 0;
  const auto& tree = document->value.get_object();
  for (const auto purpose : {settings::Purpose::kNode, settings::Purpose::kWitness, settings::Purpose::kControl}) {
    const auto effective = settings::make_settings(tree, {.store = tree}, {.purpose = purpose});
    expect(is_one_line(effective.complaints) && is_one_line(effective.rejected));
    expect(effective.settings.dynamic.timing.ttl.count() >= 1000);
  }
  expect(is_one_line(settings::validate(tree, {}, {.check_files = false})));
  return 0;
}
