// A replication slot as pg_get_replication_slots() shows it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/postgres.hpp"

namespace matriarch::postgres {

struct SlotRow : model::PhysicalOrLogicalSlot {
  std::optional<std::uint32_t> catalog_xmin;
  std::string wal_status;  // "reserved", "lost", ...; empty before version 13
  bool failover = false;   // from version 17: synchronised by the servers themselves
  bool synced = false;
  bool operator==(const SlotRow&) const = default;
};

}  // namespace matriarch::postgres
