#include "rest/answer.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "model/json_text.hpp"
#include "model/letter_case.hpp"
#include "model/version.hpp"

namespace matriarch::rest {
namespace {

struct Words {
  std::string_view reason, explanation;
};

Words words_of(unsigned status) {
  switch (status) {
    case 400: return {"Bad Request", "Bad request syntax or unsupported method"};
    case 409: return {"Conflict", "Request conflict"};
    case 411: return {"Length Required", "Client must specify Content-Length"};
    case 413: return {"Request Entity Too Large", "Entity is too large"};
    case 500: return {"Internal Server Error", "Server got itself in trouble"};
    case 501: return {"Not Implemented", "Server does not support this operation"};
    case 502: return {"Bad Gateway", "Invalid responses from another server/proxy"};
    case 503: return {"Service Unavailable", "The server cannot process the request due to a high load"};
    default: return {"Error", ""};
  }
}

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

Answer error_page(unsigned status, std::string_view reason, std::string_view explanation) {
  Answer answer{.status = status, .shape = Answer::Shape::kPage, .content_type = "text/html;charset=utf-8"};
  answer.body = fmt::format(
      "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        <title>Error response</title>\n"
      "    </head>\n    <body>\n        <h1>Error response</h1>\n        <p>Error code: {}</p>\n        <p>Message: {}.</p>\n"
      "        <p>Error code explanation: {} - {}.</p>\n    </body>\n</html>\n",
      status, escape(reason), status, escape(explanation));
  return answer;
}

std::string server_name(const model::RestSettings& settings) {
  std::string tokens = settings.server_tokens;
  std::transform(tokens.begin(), tokens.end(), tokens.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (tokens == "productonly") return "Patroni";
  if (tokens == "minimal") return fmt::format("Patroni/{}", model::kPatroniVersion);
  return fmt::format("Matriarch/{}", model::kVersion);
}

// RFC 9110, 5.6.7: names are English whatever the locale.
std::string http_date(model::WallTime at) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(at) - day};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday{day}.c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

void set_header(std::vector<net::Header>& headers, const std::string& name, const std::string& value) {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const net::Header& header) { return model::equal_without_case(header.name, name); });
  if (found != headers.end()) {
    found->value = value;
  } else {
    headers.push_back({name, value});
  }
}

void add_configured(std::vector<net::Header>& headers, const model::RestSettings& settings) {
  for (const auto& [name, value] : settings.http_extra_headers) set_header(headers, name, value);
  if (!settings.tls.enabled()) return;
  for (const auto& [name, value] : settings.https_extra_headers) set_header(headers, name, value);
}

}  // namespace

Answer text(unsigned status, std::string body) { return {.status = status, .body = std::move(body)}; }

Answer document(unsigned status, const boost::json::value& value) {
  return {.status = status, .content_type = "application/json", .body = model::write_json(value, model::JsonSpacing::kSpaced)};
}

Answer status_only(unsigned status) { return {.status = status, .shape = Answer::Shape::kStatusOnly, .content_type = {}}; }

Answer page(unsigned status, std::string_view explanation) {
  const Words words = words_of(status);
  return error_page(status, words.reason, explanation.empty() ? words.explanation : explanation);
}

Answer no_store() { return text(503, "the store is not reachable"); }

Answer not_supported(std::string_view method) {
  return error_page(501, fmt::format("Unsupported method ('{}')", method), words_of(501).explanation);
}

net::HttpResponse to_response(Answer answer, const model::RestSettings& settings, model::WallTime wall_now) {
  net::HttpResponse response{.status = answer.status};
  if (answer.shape == Answer::Shape::kStatusOnly) {
    response.headers = {{"Connection", "close"}};
    return response;
  }
  response.headers = {{"Server", server_name(settings)}, {"Date", http_date(wall_now)}};
  if (answer.shape == Answer::Shape::kPage) response.headers.push_back({"Connection", "close"});
  for (auto& header : answer.headers) response.headers.push_back(std::move(header));
  response.headers.push_back({"Content-Type", std::move(answer.content_type)});
  if (answer.shape == Answer::Shape::kNormal) add_configured(response.headers, settings);
  response.body = std::move(answer.body);
  return response;
}

}  // namespace matriarch::rest
