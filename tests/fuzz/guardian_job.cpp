// Any bytes as a job or a launch: a value or a complaint, and a job that was read is written back to one that reads the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "guardian/job.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto job = matriarch::guardian::parse_job(text);
  if (job && matriarch::guardian::parse_job(matriarch::guardian::serialize(*job)) != *job) std::abort();
  const auto launch = matriarch::guardian::parse_launch(text);
  if (launch && matriarch::guardian::parse_launch(matriarch::guardian::serialize(*launch)) != *launch) std::abort();
  return 0;
}
