#include "ctl/context.hpp"

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>
#include <cstring>
#include <fmt/format.h>

#include "ctl/failure.hpp"
#include "model/quantity.hpp"

namespace matriarch::ctl {

namespace asio = boost::asio;

namespace {

constexpr model::Milliseconds kStoreTimeout{5'000};

bool is_patroni_name(std::string_view program) { return program == "patronictl" || program == "patroni"; }

bool is_set(const std::map<std::string, std::string>& environment, const char* name) {
  const auto found = environment.find(name);
  return found != environment.end() && model::parse_boolean(found->second).value_or(false);
}

// As one word of a shell.
std::string shell_word(const std::string& text) {
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr("/._-:=,@+%", c) != nullptr; };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

Context::Context(std::string program, const World& world, Streams streams, GlobalOptions options)
    : program_(std::move(program)), world_(world), streams_(streams), options_(std::move(options)), prompt_(streams),
      strict_(!is_patroni_name(program_) || is_set(world.environment, "MATRIARCHCTL_STRICT")) {}

Context::~Context() = default;

std::string Context::invocation() const {
  std::string text = program_;
  if (options_.config_file) text += " -c " + shell_word(*options_.config_file);
  if (options_.dcs_url && options_.dcs_url->find('@') == std::string::npos) text += " -d " + shell_word(*options_.dcs_url);
  if (options_.insecure) text += " -k";
  return text;
}

void Context::load() {
  settings_ = load_configuration(options_, world_.environment, is_patroni_name(program_));
  calls_ = world_.make_calls ? world_.make_calls(io_.get_executor(), settings_) : make_member_calls(io_.get_executor(), settings_, options_.insecure);
}

std::string Context::cluster_name(const std::optional<std::string>& given) const {
  if (given) return *given;
  if (settings_.scope.empty()) throw Failure{"No cluster name given and no scope in the configuration"};
  return settings_.scope;
}

ports::Store& Context::store(const std::string& cluster) {
  auto& store = stores_[cluster];
  if (store) return *store;
  model::Settings settings = settings_;
  settings.scope = cluster;
  auto opened = world_.open_store(io_.get_executor(), settings);
  if (!opened) throw Failure{opened.error()};
  store = std::move(*opened);
  return *store;
}

model::Milliseconds Context::store_timeout() const {
  const auto found = world_.environment.find("MATRIARCHCTL_DCS_TIMEOUT");
  const auto seconds = found == world_.environment.end() ? std::nullopt : model::parse_real(found->second, "s");
  if (!seconds || *seconds <= 0 || *seconds > 3600) return kStoreTimeout;
  return model::Milliseconds{static_cast<std::int64_t>(*seconds * 1000)};
}

std::string Context::store_kind() const { return settings_.uses_embedded_store() ? "the embedded store" : "etcd3"; }

StoreOperations Context::embedded_store() const {
  if (!settings_.uses_embedded_store() || !world_.open_embedded) {
    throw Failure{"This configuration uses etcd, which has tools of its own (etcdctl). `store` is for the embedded store: the section 'embedded'"};
  }
  return world_.open_embedded(settings_);
}

std::optional<StoreMembers> Context::store_members() const {
  if (!settings_.uses_embedded_store() || !world_.open_embedded) return std::nullopt;
  const auto operations = world_.open_embedded(settings_);
  if (!operations.status) return std::nullopt;
  const auto status = operations.status();
  return status ? read_store_status(*status) : StoreMembers{.error = status.error()};
}

ports::StoreResult<std::shared_ptr<const model::Cluster>> Context::try_read(const std::string& cluster) {
  auto view = wait(store(cluster).read(store_timeout()));
  if (!view) view.error().what = said_plainly(settings_, std::move(view.error().what));
  return view;
}

std::shared_ptr<const model::Cluster> Context::read(const std::string& cluster) {
  auto view = try_read(cluster);
  if (!view) throw Failure{fmt::format("cannot read cluster \"{}\" from {} ({})", cluster, store_kind(), view.error().what)};
  return *view;
}

CallResult Context::call(Call call) { return wait(calls_->call(std::move(call))); }

std::vector<CallResult> Context::call_all(std::vector<Call> calls) {
  std::vector<std::optional<CallResult>> answers(calls.size());
  std::size_t missing = calls.size();
  for (std::size_t i = 0; i < calls.size(); ++i) {
    asio::co_spawn(io_, calls_->call(std::move(calls[i])), [&, i](std::exception_ptr thrown, CallResult result) {
      if (thrown) result = tl::unexpected(net::NetError{.failure = net::NetFailure::kProtocol, .what = "the call failed"});
      answers[i] = std::move(result);
      --missing;
    });
  }
  io_.restart();
  while (missing > 0) io_.run_one();
  std::vector<CallResult> results;
  for (auto& answer : answers) results.push_back(std::move(*answer));
  return results;
}

tl::expected<StatementAnswer, StatementFailure> Context::run_statement(std::map<std::string, std::string> conninfo, const std::string& sql,
                                                                       std::optional<bool> in_recovery) {
  if (!world_.run_statement) throw Failure{"this program was built without a database client"};
  conninfo["connect_timeout"] = "5";
  conninfo["fallback_application_name"] = "Matriarch ctl";
  return world_.run_statement(conninfo, sql, in_recovery);
}

void Context::sleep_for(model::Milliseconds duration) {
  asio::steady_timer timer(io_, duration);
  bool over = false;
  timer.async_wait([&](boost::system::error_code) { over = true; });
  io_.restart();
  while (!over) io_.run_one();
}

std::string describe(const CallResult& result) {
  if (!result) return result.error().what;
  return fmt::format("status code={}, ({})", result->status, result->body);
}

}  // namespace matriarch::ctl
