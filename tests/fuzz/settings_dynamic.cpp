// Any bytes as the dynamic configuration or its cache file: accepted as a whole or rejected with a reason.
#include <cstdlib>

#include "settings/dynamic.hpp"
#include "settings/dynamic_cache.hpp"

namespace settings = matriarch::settings;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = settings::parse_cache({reinterpret_cast<const char*>(data), size});
  if (!document) return 0;
  for (const auto limits : {settings::TimingLimits::kEmbedded, settings::TimingLimits::kMatriarchOnly, settings::TimingLimits::kPatroni}) {
    const auto accepted = settings::accept_dynamic(*document, limits);
    if (!accepted) {
      expect(settings::has_errors(accepted.error()));
      continue;
    }
    expect(accepted->settings.timing.ttl.count() >= 1000);
    expect(settings::refuse_change(*document, *document, limits).empty());
    // What the cache holds is accepted again, with the same times.
    const auto cached = settings::parse_cache(settings::cache_content(accepted->settings));
    expect(cached.has_value());
    const auto again = settings::accept_dynamic(*cached, limits);
    expect(again && again->settings.timing == accepted->settings.timing);
  }
  return 0;
}
