#include "guardian/job.hpp"

#include "guardian/records.hpp"

namespace matriarch::guardian {
namespace {

constexpr std::string_view kJobFormat = "matriarch job 1";
constexpr std::string_view kLaunchFormat = "matriarch launch 1";
constexpr std::int64_t kDay = 86'400'000;  // milliseconds

bool is_absolute(std::string_view path) {
  return path.starts_with('/');
}

// Stores one record in the job; the complaint when it cannot.
tl::expected<void, std::string> take(Job& job, const Record& record) {
  const auto number = [&record](std::int64_t least, std::int64_t most, auto& target) -> tl::expected<void, std::string> {
    const auto parsed = parse_number(record, least, most);
    if (!parsed) return tl::unexpected(parsed.error());
    target = std::remove_reference_t<decltype(target)>(*parsed);
    return {};
  };
  if (record.key == "run_directory") {
    job.run_directory = record.value;
  } else if (record.key == "data_directory") {
    job.data_directory = record.value;
  } else if (record.key == "program") {
    job.program = record.value;
  } else if (record.key == "agent") {
    job.agent.emplace_back(record.value);
  } else if (record.key == "store") {
    job.store.emplace_back(record.value);
  } else if (record.key == "stop_limit_ms") {
    return number(0, 30 * kDay, job.stop_limit);
  } else if (record.key == "max_ttl_ms") {
    return number(1, 30 * kDay, job.max_ttl);
  } else if (record.key == "realtime_priority") {
    return number(0, 99, job.realtime_priority);
  } else {
    return complaint("'" + std::string(record.key) + "' is not known to this guardian");
  }
  return {};
}

tl::expected<void, std::string> require_complete(const Job& job) {
  if (!is_absolute(job.run_directory)) return complaint("run_directory is not an absolute path");
  if (!is_absolute(job.data_directory)) return complaint("data_directory is not an absolute path");
  if (!is_absolute(job.program)) return complaint("program is not an absolute path");
  if (job.agent.empty() || !is_absolute(job.agent[0])) return complaint("agent is not an absolute path");
  if (!job.store.empty() && !is_absolute(job.store[0])) return complaint("store is not an absolute path");
  return {};
}

}  // namespace

std::string serialize(const Job& job) {
  RecordWriter writer(kJobFormat);
  writer.add("run_directory", job.run_directory);
  writer.add("data_directory", job.data_directory);
  writer.add("program", job.program);
  for (const std::string& argument : job.agent) writer.add("agent", argument);
  for (const std::string& argument : job.store) writer.add("store", argument);
  writer.add("stop_limit_ms", job.stop_limit.count());
  writer.add("max_ttl_ms", job.max_ttl.count());
  writer.add("realtime_priority", std::int64_t{job.realtime_priority});
  return writer.text();
}

tl::expected<Job, std::string> parse_job(std::string_view text) {
  const auto records = parse_records(text, kJobFormat);
  if (!records) return tl::unexpected(records.error());
  Job job;
  for (const Record& record : *records) {
    if (auto taken = take(job, record); !taken) return tl::unexpected(taken.error());
  }
  if (auto complete = require_complete(job); !complete) return tl::unexpected(complete.error());
  return job;
}

std::string serialize(const Launch& launch) {
  RecordWriter writer(kLaunchFormat);
  for (const std::string& argument : launch.argv) writer.add("argument", argument);
  for (const std::string& variable : launch.environment) writer.add("environment", variable);
  writer.add("working_directory", launch.working_directory);
  return writer.text();
}

tl::expected<Launch, std::string> parse_launch(std::string_view text) {
  const auto records = parse_records(text, kLaunchFormat);
  if (!records) return tl::unexpected(records.error());
  Launch launch;
  for (const Record& record : *records) {
    if (record.key == "argument") {
      launch.argv.emplace_back(record.value);
    } else if (record.key == "environment") {
      if (record.value.find('=') == std::string_view::npos) return complaint("an environment variable has no '='");
      launch.environment.emplace_back(record.value);
    } else if (record.key == "working_directory") {
      launch.working_directory = record.value;
    } else {
      return complaint("'" + std::string(record.key) + "' is not known to this guardian");
    }
  }
  if (launch.argv.empty() || launch.argv[0].empty()) return complaint("no program is named");
  const bool relative = launch.argv[0].find('/') != std::string::npos && !is_absolute(launch.argv[0]);
  if (relative) return complaint("the program is a relative path");
  return launch;
}

}  // namespace matriarch::guardian
