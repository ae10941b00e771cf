// How a log line looks: Python's logging formats, which Patroni's configuration uses, and JSON.
#pragma once

#include <spdlog/formatter.h>

#include <memory>

#include "model/settings.hpp"

namespace matriarch::runtime {

std::unique_ptr<spdlog::formatter> make_log_formatter(const model::LogSettings& settings);

// "%(asctime)s %(levelname)s: %(message)s" -> spdlog's pattern; a field that has no counterpart stays as it is.
std::string to_spdlog_pattern(const std::string& python_format, const std::string& date_format);

}  // namespace matriarch::runtime
