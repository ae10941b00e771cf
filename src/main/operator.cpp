#include "main/operator.hpp"

#include <filesystem>
#include <iostream>
#include <sstream>

#include <unistd.h>

#include "ctl/ctl.hpp"
#include "main/configuration.hpp"
#include "main/store_access.hpp"
#include "main/store_operator.hpp"
#include "settings/generate.hpp"
#include "store/etcd/store.hpp"
#include "system/clock.hpp"

extern char** environ;  // POSIX: not declared by a header

namespace matriarch::main {
namespace {

tl::expected<std::unique_ptr<ports::Store>, std::string> open_store(boost::asio::any_io_executor executor, const model::Settings& settings) {
  auto client = store_client_settings(settings, "");
  if (!client) return tl::unexpected(client.error());
  auto silent = [](std::string) {};
  return std::make_unique<store::etcd::Store>(executor, *client, settings.key_prefix(), settings.dynamic.timing.ttl, silent);
}

}  // namespace

bool is_store_command(std::string_view word) { return word.starts_with('-') || ctl::is_store_command(word); }

std::string wanted_command(const std::vector<std::string>& arguments) { return ctl::find_command(arguments); }

std::optional<std::string> nearest_command(const std::string& word) { return ctl::nearest_command(word); }

bool is_operator_command(const std::vector<std::string>& arguments) {
  const std::string command = ctl::find_command(arguments);
  return !command.empty() && ctl::is_command(command);
}

int run_operator(int argc, char** argv) {
  ctl::World world{.open_store = open_store, .environment = process_environment(), .wall_now = [] {
                     return model::WallTime(std::chrono::duration_cast<std::chrono::microseconds>(system::realtime()));
                   }, .open_embedded = store_operations};
  std::vector<std::string> arguments(argv + 1, argv + argc);
  return ctl::run(std::filesystem::path(argv[0]).filename().string(), std::move(arguments), world, ctl::Streams{.in = std::cin, .out = std::cout, .err = std::cerr, .out_is_terminal = ::isatty(STDOUT_FILENO) == 1, .owns_process = true});
}

void print_operator_help(std::FILE* stream) {
  std::ostringstream text;
  ctl::print_help(text);
  std::fputs(text.str().c_str(), stream);
}

int print_sample_configuration() {
  settings::SampleFacts facts;
  std::cout << settings::sample_configuration(facts);
  return 0;
}

}  // namespace matriarch::main
