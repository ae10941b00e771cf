// Keeps the rules of access current: names of the allowlist and of members are resolved here, in the background, never
// while a request waits.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/cluster.hpp"
#include "model/settings.hpp"
#include "ports/journal.hpp"
#include "rest/access.hpp"

namespace matriarch::rest {

class Gate {
 public:
  Gate(boost::asio::any_io_executor executor, ports::Journal& journal);
  void apply(const model::RestSettings& settings);
  // The hosts of the members' and of the failsafe topology's API addresses, as far as they matter; unknown ones are resolved
  // at the next refresh(), which this asks for by returning true.
  bool learn_members(const model::Cluster& cluster);
  // Resolves every name again. An entry that does not resolve keeps its last addresses; one that never did is reported and
  // lets nobody in.
  boost::asio::awaitable<void> refresh();
  const AccessRules& rules() const { return rules_; }

 private:
  boost::asio::awaitable<void> resolve(std::string host, bool report);
  void rebuild();
  void add_resolved(const std::set<std::string>& hosts, std::vector<Network>& networks) const;

  boost::asio::any_io_executor executor_;
  ports::Journal& journal_;
  std::vector<Network> literals_;               // of the allowlist
  std::set<std::string> names_;                             // of the allowlist, to be resolved
  std::set<std::string> member_hosts_, failsafe_hosts_;     // names and addresses alike
  std::map<std::string, std::vector<Network>> resolved_;
  AccessRules rules_;
};

// The host of "http(s)://host:port/patroni", without brackets; empty when there is none.
std::string host_of_url(std::string_view url);

}  // namespace matriarch::rest
