// How this node reaches its store, from its settings.
#pragma once

#include <string>

#include "model/settings.hpp"
#include "store/etcd/client.hpp"

namespace matriarch::main {

// `run_directory`: of the node whose embedded store is near; empty for the command line, which uses the network only
// unless it finds the socket. The error names what is wrong with certificates.
tl::expected<store::etcd::ClientSettings, std::string> store_client_settings(const model::Settings& settings, const std::string& run_directory);

}  // namespace matriarch::main
