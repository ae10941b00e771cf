// An answer before it becomes HTTP: the three shapes that Patroni's clients know (docs/rest.md, "Responses").
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "model/settings.hpp"
#include "model/time.hpp"
#include "net/http.hpp"

namespace matriarch::rest {

struct Answer {
  enum class Shape {
    kNormal,      // Server, Date, own headers, Content-Type, configured extra headers, body
    kPage,        // a small HTML page with code, reason and explanation; the connection is closed
    kStatusOnly,  // no headers, no body
  };
  unsigned status = 200;
  Shape shape = Shape::kNormal;
  std::string content_type = "text/html";
  std::string body;
  std::vector<net::Header> headers;
  bool operator==(const Answer&) const = default;
};

Answer text(unsigned status, std::string body);  // plain words; "text/html", as clients have always got them
Answer document(unsigned status, const boost::json::value& value);
Answer status_only(unsigned status);
// An error page. `explanation` says what was wrong; empty: the usual sentence for the status.
Answer page(unsigned status, std::string_view explanation = {});
Answer no_store();                                // 503
Answer not_supported(std::string_view method);  // 501, in the words that patronictl looks for

// As it goes out. `wall_now` is for the Date header.
net::HttpResponse to_response(Answer answer, const model::RestSettings& settings, model::WallTime wall_now);

}  // namespace matriarch::rest
