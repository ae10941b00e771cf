// The operator's command line: everything that talks to a running cluster. Called by main/ with the arguments of the
// program; `matriarch FILE`, `run` and `witness` are main's own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "ctl/member_calls.hpp"
#include "ctl/statements.hpp"
#include "ctl/store_operations.hpp"
#include "ctl/streams.hpp"
#include "model/settings.hpp"
#include "model/time.hpp"
#include "ports/store.hpp"

namespace matriarch::ctl {

// Opens the store of the cluster `settings.scope` for an operator: reads and writes, no session. The error is for the operator.
using OpenStore = std::function<tl::expected<std::unique_ptr<ports::Store>, std::string>(boost::asio::any_io_executor executor,
                                                                                         const model::Settings& settings)>;
// How members' APIs are called; empty: over HTTP with the credentials and certificates of the settings.
using MakeCalls = std::function<std::unique_ptr<MemberCalls>(boost::asio::any_io_executor executor, const model::Settings& settings)>;

struct World {
  OpenStore open_store;
  std::map<std::string, std::string> environment;
  std::function<model::WallTime()> wall_now;
  MakeCalls make_calls = {};
  OpenEmbedded open_embedded = {};
  RunStatement run_statement = {};
};

// `arguments` without the program's name; `program` decides the exit codes: under the names "patronictl" and "patroni" they
// are Patroni's, under any other one a refusal by a member is a failure (1) and a timeout 4. Returns the exit code.
int run(const std::string& program, std::vector<std::string> arguments, const World& world, Streams streams);

bool is_command(std::string_view name);
// For who mistyped one: "list" for "lst".
std::optional<std::string> nearest_command(std::string_view name);
// "status" of "store status", and the others.
bool is_store_command(std::string_view name);
// The command among the arguments, behind global options; empty: there is none.
std::string find_command(const std::vector<std::string>& arguments);
// The commands, grouped, one line each.
void print_help(std::ostream& out);

}  // namespace matriarch::ctl
