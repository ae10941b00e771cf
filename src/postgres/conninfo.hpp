// Connection strings of libpq and the password file beside them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "model/settings.hpp"

namespace matriarch::postgres {

// libpq keyword -> value. Passwords are in here: never log one; render() leaves them out.
using Conninfo = std::map<std::string, std::string>;

// "key=value key=value" in Patroni's order, only keywords that server and tools of that version know, values escaped by
// backslash. The password is never part of it: it travels in a password file, named by the keyword "passfile".
std::string render(const Conninfo& conninfo, int major_version);

// A connection string or URL ("postgres://host:port/db") as keywords; nothing when libpq cannot read it.
std::optional<Conninfo> parse_conninfo(const std::string& text);

// User name, password and TLS keywords of a credentials section.
void add_credentials(Conninfo& conninfo, const model::Credentials& credentials);

// One line for each host of a comma list, plus "localhost" beside a socket directory; nothing without a password.
std::optional<std::string> passfile_content(const Conninfo& conninfo);

}  // namespace matriarch::postgres
