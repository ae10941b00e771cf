// -d/--dcs-url: any text is an address or an error, and an address survives being put into a configuration.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "ctl/dcs_url.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = matriarch::ctl::parse_dcs_url(text);
  if (!url) {
    if (url.error().empty()) std::abort();
    return 0;
  }
  if (url->host.empty() || url->port == 0) std::abort();
  boost::json::object configuration{{"etcd", {{"username", "u"}}}, {"raft", 1}};
  matriarch::ctl::apply_dcs_url(*url, configuration);
  if (!configuration.contains(url->scheme) || configuration.contains("raft")) std::abort();
  return 0;
}
