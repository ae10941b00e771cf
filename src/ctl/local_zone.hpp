// The time zone of the machine that runs the command, as the C library knows it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "model/time.hpp"

namespace matriarch::ctl {

// A clock on the wall: microseconds since 1970-01-01 00:00 of the same wall.
using LocalTime = std::chrono::local_time<std::chrono::microseconds>;

std::chrono::minutes offset_at(model::WallTime at);
LocalTime to_local(model::WallTime at);
// The moments at which the local clocks show that: none when they are put forward over it, two when they are put back.
std::vector<model::WallTime> to_moments(LocalTime local);
// "CET", "CEST", ...: an abbreviation of this zone.
bool is_local_abbreviation(std::string_view text);

// "2030-03-04 11:52:27.50978": result lines of switchover and failover, with their five digits.
std::string stamp_with_fraction(model::WallTime at);
// "2030-03-04 11:52:27".
std::string stamp(model::WallTime at);

}  // namespace matriarch::ctl
