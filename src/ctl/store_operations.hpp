// What `store ...` does to the embedded store: by functions, which main/ takes from the store's own room.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "model/settings.hpp"

namespace matriarch::ctl {

template <typename T>
using StoreAnswer = tl::expected<T, std::string>;  // the error is for the operator

struct StoreOperations {
  std::function<StoreAnswer<boost::json::value>()> status;
  std::function<std::string(const boost::json::value&)> render_status;
  std::function<StoreAnswer<void>(const std::string& address)> add;
  std::function<StoreAnswer<void>(const std::string& member)> remove;
  std::function<StoreAnswer<std::size_t>(const std::string& file)> snapshot;  // its size in bytes
  std::function<StoreAnswer<void>(const std::string& file)> check_snapshot;
  std::function<StoreAnswer<void>(const std::string& file)> restore;
  std::function<StoreAnswer<void>()> check_recovery;  // could it be done now?
  std::function<StoreAnswer<void>()> recover;
};

// The embedded store of the settings. The functions talk to it when they are called, not before.
using OpenEmbedded = std::function<StoreOperations(const model::Settings& settings)>;

}  // namespace matriarch::ctl
