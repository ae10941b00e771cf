// edit-config --set and its diff: any text changes a document or says why not, and every document can be shown.
#include <cstddef>
#include <cstdint>

#include "ctl/config_change.hpp"
#include "ctl/unified_diff.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace matriarch::ctl;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  boost::json::object document{{"ttl", 30}, {"postgresql", {{"parameters", {{"x", 1}}}}}};
  const auto before = config_text(document);
  if (set_value(document, text)) coloured(unified_diff(before, config_text(document)));
  return 0;
}
