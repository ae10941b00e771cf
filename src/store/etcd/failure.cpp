#include "store/etcd/failure.hpp"

#include <fmt/format.h>

#include "model/json_text.hpp"
#include "store/etcd/wire.hpp"

namespace matriarch::store::etcd {
namespace {

namespace json = boost::json;
using Kind = Failure::Kind;

// gRPC's codes.
constexpr int kUnknownCode = 2, kInvalidArgument = 3, kDeadlineExceeded = 4, kPermissionDenied = 7, kResourceExhausted = 8,
              kFailedPrecondition = 9, kInternal = 13, kUnavailable = 14, kUnauthenticated = 16;

struct ApiError {
  int code = kUnknownCode;
  std::string message;
};

// {"error":"..","code":N,"message":".."}, the same capitalised, or a stream's {"error":{"grpc_code":N,"message":".."}}.
std::optional<ApiError> api_error_of(std::string_view body) {
  const auto parsed = model::read_json(body);
  if (!parsed || !parsed->is_object()) return std::nullopt;
  const json::object& document = parsed->get_object();
  const json::object& nested = object_in(document, "error");
  if (!nested.empty()) return ApiError{static_cast<int>(number_in(nested, "grpc_code")), text_in(nested, "message")};
  ApiError error{static_cast<int>(number_in(document, document.contains("code") ? "code" : "Code")), text_in(document, "message")};
  if (error.message.empty()) error.message = text_in(document, document.contains("error") ? "error" : "Error");
  if (error.message.empty() && error.code == 0) return std::nullopt;
  return error;
}

bool asks_for_login(const ApiError& error) {
  if (error.code == kUnauthenticated || error.code == kPermissionDenied) return true;
  return error.code == kInvalidArgument && (error.message.find("user name is empty") != std::string::npos ||
                                            error.message.find("revision of auth store is old") != std::string::npos);
}

Kind kind_of(const ApiError& error, unsigned status) {
  if (asks_for_login(error)) return Kind::kLogin;
  switch (error.code) {
    case kUnavailable:
      // Said before anything is proposed to the log; every other kind of "unavailable" can come afterwards.
      return error.message == "etcdserver: no leader" ? Kind::kNotProcessed : Kind::kAmbiguous;
    case kDeadlineExceeded: return Kind::kAmbiguous;
    case kResourceExhausted: return error.message.find("too many requests") != std::string::npos ? Kind::kNotProcessed : Kind::kRefused;
    case kFailedPrecondition: return Kind::kRefused;
    case kUnknownCode:
    case kInternal: return status >= 500 ? Kind::kAmbiguous : Kind::kRefused;
    default: return Kind::kRefused;
  }
}

}  // namespace

Failure failure_of(unsigned status, std::string_view body) {
  if (const auto error = api_error_of(body)) {
    return {.kind = kind_of(*error, status), .code = error->code, .what = error->message};
  }
  // Not etcd's word: a proxy in between, or another program on that port.
  return {.kind = status >= 500 ? Kind::kAmbiguous : Kind::kNotProcessed, .what = fmt::format("HTTP status {} without a known body", status)};
}

Failure failure_of(const net::NetError& error) {
  return {.kind = error.may_have_been_processed ? Kind::kAmbiguous : Kind::kNotProcessed,
          .what = error.what,
          .was_silent = error.failure == net::NetFailure::kTimedOut};
}

ports::StoreError store_error(const Failure& failure) {
  using ports::StoreFailure;
  switch (failure.kind) {
    case Kind::kNotProcessed: return {StoreFailure::kUnreachable, failure.what};
    case Kind::kAmbiguous: return {StoreFailure::kUnknown, failure.what};
    case Kind::kLogin: return {StoreFailure::kRejected, failure.what};
    case Kind::kRefused: return {failure.is_missing_lease() ? StoreFailure::kLost : StoreFailure::kRejected, failure.what};
  }
  return {StoreFailure::kUnknown, failure.what};
}

}  // namespace matriarch::store::etcd
