#include "consensus/server/rpc_error.hpp"

#include <boost/json.hpp>

namespace matriarch::consensus::server {
namespace {

using machine::Refusal;

RpcCode code_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kLeaseNotFound:
    case Refusal::kNodeNotFound: return RpcCode::kNotFound;
    case Refusal::kLeaseExists:
    case Refusal::kOtherCluster: return RpcCode::kFailedPrecondition;
    case Refusal::kEmptyKey:
    case Refusal::kKeyNotFound:
    case Refusal::kValueProvided:
    case Refusal::kLeaseProvided:
    case Refusal::kDuplicateKey:
    case Refusal::kTooManyOperations:
    case Refusal::kTooLarge:
    case Refusal::kBadSnapshot: return RpcCode::kInvalidArgument;
    case Refusal::kNoSpace: return RpcCode::kResourceExhausted;
    case Refusal::kTtlOutOfBounds:
    case Refusal::kCompacted:
    case Refusal::kFutureRevision: return RpcCode::kOutOfRange;
    case Refusal::kUnsupported: return RpcCode::kUnimplemented;
    case Refusal::kAlreadyAnswered: return RpcCode::kUnavailable;
  }
  return RpcCode::kUnknown;
}

}  // namespace

RpcError error_of(Refusal refusal) {
  // What became of such a command is not known any more: the words a client takes for "unknown".
  if (refusal == Refusal::kAlreadyAnswered) return error_of(ProposeFailure::kUnknown);
  if (refusal == Refusal::kTtlOutOfBounds) return {RpcCode::kOutOfRange, "etcdserver: too large lease TTL"};
  return {code_of(refusal), std::string("etcdserver: ") + machine::to_string(refusal)};
}

RpcError error_of(ProposeFailure failure) {
  switch (failure) {
    case ProposeFailure::kNoLeader: return {RpcCode::kUnavailable, "etcdserver: no leader"};
    case ProposeFailure::kUnknown: return {RpcCode::kUnavailable, "etcdserver: request timed out"};
    case ProposeFailure::kTooLate: return {RpcCode::kUnavailable, "etcdserver: no leader"};
    case ProposeFailure::kUnread: return {RpcCode::kUnavailable, std::string("etcdserver: ") + to_string(failure)};
  }
  return {RpcCode::kUnknown, "?"};
}

RpcError bad_request(std::string why) { return {RpcCode::kInvalidArgument, std::move(why)}; }

// As grpc-gateway maps them.
unsigned http_status(RpcCode code) {
  switch (code) {
    case RpcCode::kInvalidArgument:
    case RpcCode::kFailedPrecondition:
    case RpcCode::kOutOfRange: return 400;
    case RpcCode::kUnauthenticated: return 401;
    case RpcCode::kPermissionDenied: return 403;
    case RpcCode::kNotFound: return 404;
    case RpcCode::kResourceExhausted: return 429;
    case RpcCode::kUnimplemented: return 501;
    case RpcCode::kUnavailable: return 503;
    case RpcCode::kDeadlineExceeded: return 504;
    case RpcCode::kUnknown:
    case RpcCode::kInternal: return 500;
  }
  return 500;
}

net::HttpResponse to_response(const RpcError& error) {
  const boost::json::object body{
      {"error", error.message}, {"message", error.message}, {"code", static_cast<int>(error.code)}};
  return {.status = http_status(error.code),
          .headers = {{"Content-Type", "application/json"}},
          .body = boost::json::serialize(body)};
}

}  // namespace matriarch::consensus::server
