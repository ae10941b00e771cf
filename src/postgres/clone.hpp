// Filling the data directory from another member, or from a backup.
#pragma once

#include <functional>

#include "postgres/site.hpp"

namespace matriarch::postgres {

// Tries the configured methods, in order, with each source. Data that is there stays until its replacement is complete,
// wherever it can: a copy is made in a directory beside it and exchanged with it.
asio::awaitable<Outcome> clone_data(std::shared_ptr<Site> site, std::vector<ports::Source> sources, std::function<void(std::string)> progress);

// Everything to reach the database that a member's URL names, with these credentials.
std::optional<Conninfo> source_conninfo(const model::Settings& settings, const ports::Source& source, const model::Credentials& credentials);

}  // namespace matriarch::postgres
