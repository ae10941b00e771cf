// Client backends, told from PostgreSQL's own processes by their titles.
#pragma once

#include <string_view>
#include <sys/types.h>

namespace matriarch::postgres {

// "postgres: CLUSTER: user db host idle" is one, "postgres: CLUSTER: checkpointer " is not.
bool is_client_backend(std::string_view title);
// Among the children of a postmaster, from /proc.
bool has_client_backends(pid_t postmaster);

}  // namespace matriarch::postgres
