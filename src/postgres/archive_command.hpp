// archive_command and restore_command: their placeholders, and which WAL waits to be archived.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace matriarch::postgres {

// %p, %f, %r as given, %% is %; every other %x stays as it is.
std::string fill_placeholders(std::string_view command, const std::map<char, std::string>& values);
// "000000010000000000000003.ready", "...03.partial.ready"
bool is_ready_file(std::string_view name);
// The WAL file that pg_rewind could not open ("could not open file \".../pg_wal/0000...\": "); empty: none is named.
std::string missing_wal_file(std::string_view output);

}  // namespace matriarch::postgres
