// Errors as etcd's HTTP gateway says them: a gRPC code, etcd's words, the HTTP status that goes with the code.
#pragma once

#include <string>

#include "consensus/machine/outcome.hpp"
#include "consensus/proposer.hpp"
#include "net/http.hpp"

namespace matriarch::consensus::server {

enum class RpcCode {
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

struct RpcError {
  RpcCode code = RpcCode::kUnknown;
  std::string message;
};

RpcError error_of(machine::Refusal refusal);
RpcError error_of(ProposeFailure failure);
RpcError bad_request(std::string why);

unsigned http_status(RpcCode code);
net::HttpResponse to_response(const RpcError& error);

}  // namespace matriarch::consensus::server
