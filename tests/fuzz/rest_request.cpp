// A request to the API, method, target and body in three lines: routing, health checks and every check of a body take any bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "rest/access.hpp"
#include "rest/bodies.hpp"
#include "rest/event_stream.hpp"
#include "rest/health.hpp"
#include "rest/node_document.hpp"
#include "rest/routes.hpp"

namespace {

using namespace matriarch;

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

void check_answer(const rest::Answer& answer) {
  if (answer.status < 400 || answer.status > 599) std::abort();
}

template <typename T>
void check(const rest::Checked<T>& checked) {
  if (!checked) check_answer(checked.error());
}

void check_bodies(const net::HttpRequest& request) {
  const auto body = rest::optional_object(request);
  check(body);
  check(rest::required_object(request));
  if (!body) return;
  const model::WallTime now{};
  check(rest::check_restart(*body, false, now));
  check(rest::check_handover(*body, true, false, now));
  check(rest::check_handover(*body, false, true, now));
  check(rest::check_failsafe(*body));
  check(rest::check_mpp_event(*body));
  rest::read_reinitialize(*body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto method = take_line(text), line = take_line(text);
  const auto target = rest::parse_target(line);
  rest::route(method, target);
  rest::Reading reading{.settings = std::make_shared<model::Settings>(), .postgres = rest::node_of(nullptr)};
  auto status = rest::status_of(reading);
  status.role = "replica";
  status.state = "running";
  status.leader_lsn = model::Lsn{UINT64_MAX};
  const auto code = rest::health_code(status, {}, target);
  if (code != 200 && code != 503) std::abort();
  rest::readiness_code(reading, status, target);
  rest::first_wanted(target, {});
  rest::AccessRules rules{.username = "u", .password = "p"};
  if (!rest::refuse(rules, {.address = std::string(line)}, {{"Authorization", std::string(line)}}, false) && line.find("dTpw") == std::string_view::npos) std::abort();
  check_bodies({.method = std::string(method), .target = std::string(line), .headers = {{"Content-Length", "1"}}, .body = std::string(text)});
  return 0;
}
