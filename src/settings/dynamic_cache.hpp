// The last accepted dynamic document, kept beside the data for a start without the store: DATA_DIR/patroni.dynamic.json.
// Same name and format as Patroni's, so that a data directory can change hands.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "model/settings.hpp"
#include "settings/complaint.hpp"

namespace matriarch::settings {

inline constexpr std::string_view kDynamicCacheName = "patroni.dynamic.json";

// The file's content: the accepted document with its times as adjusted.
std::string cache_content(const model::DynamicSettings& accepted);
tl::expected<boost::json::object, Complaint> parse_cache(std::string_view content);

// A missing file is no complaint: it yields no document.
tl::expected<std::optional<boost::json::object>, Complaint> read_cache(const std::string& data_dir);
// Temporary file, fsync, rename, fsync of the directory. `mode`: 0600 or 0640, as the files of PGDATA.
// On failure the old file is untouched.
tl::expected<void, Complaint> write_cache(const std::string& data_dir, const model::DynamicSettings& accepted,
                                          unsigned mode = 0600);

}  // namespace matriarch::settings
