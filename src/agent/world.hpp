// The ports of one agent, gathered.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "model/settings.hpp"
#include "ports/board.hpp"
#include "ports/clock.hpp"
#include "ports/guardian.hpp"
#include "ports/inbox.hpp"
#include "ports/journal.hpp"
#include "ports/peers.hpp"
#include "ports/postgres.hpp"
#include "ports/store.hpp"
#include "ports/watchdog.hpp"

namespace matriarch::agent {

class Keeper;

struct World {
  ports::Store& store;
  ports::Postgres& postgres;
  ports::Peers& peers;
  ports::Clock& clock;
  ports::Guardian& guardian;
  ports::Watchdog& watchdog;
  ports::Journal& journal;
  ports::Board& board;
  ports::Inbox& inbox;
  Keeper& keeper;
};

// What settings/ provides: the effective settings for a dynamic document (nothing: keep the one in force), or one
// complaint a line. `reread` also reads the local sources again (SIGHUP, POST /reload).
using MakeSettings = std::function<model::Result<std::shared_ptr<const model::Settings>, std::string>(
    std::optional<boost::json::object> dynamic_document, bool reread)>;

using Notify = std::function<void(std::string event)>;

}  // namespace matriarch::agent
