// Sample and generated configuration files.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <string>
#include <vector>

#include "settings/local.hpp"

namespace matriarch::settings {

// What the sample is made from; empty values become "#FIXME".
struct SampleFacts {
  std::string host_name;
  std::string ip;                // an address of the host name, IPv4 preferred
  int postgres_major = 0;        // of `postgres --version`; 0: unknown
  Environment environment;       // recognised variables override the template
};

// `--generate-sample-config`: a commented file for a node with the embedded store.
std::string sample_configuration(const SampleFacts& facts);

// What a running PostgreSQL says of itself, for `--generate-config`.
struct RunningServer {
  std::map<std::string, std::string> parameters;  // name -> setting, of the sources that count (docs/configuration.md)
  std::string port;                               // of the connection used; empty: parameters["port"]
  std::map<std::string, std::string> superuser;   // username, password, sslmode, ... as used to connect
  std::string bin_dir;
  std::vector<std::string> pg_hba, pg_ident;      // lines of the files, comments left out
};
std::string generated_configuration(const SampleFacts& facts, const RunningServer& server);

}  // namespace matriarch::settings
