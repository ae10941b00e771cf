// -d / --dcs-url: a store's address on the command line instead of in the configuration.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace matriarch::ctl {

struct DcsUrl {
  std::string scheme;      // "etcd", "etcd3", "zookeeper", "consul", "exhibitor"
  std::string host;        // an IPv6 address with its brackets
  std::uint16_t port = 0;
  std::string name_space;  // with its leading slash; empty: none was given
  bool operator==(const DcsUrl&) const = default;
};

// [SCHEME://][HOST][:PORT][/NAMESPACE]; without a scheme the port decides. The error is the sentence for the operator.
tl::expected<DcsUrl, std::string> parse_dcs_url(std::string_view text);

// Puts the store into a configuration: sections of other stores go, TLS and credentials of a section of the same kind stay.
void apply_dcs_url(const DcsUrl& url, boost::json::object& configuration);

}  // namespace matriarch::ctl
