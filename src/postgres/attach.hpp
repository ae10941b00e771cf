// The first look at what is here, and what a running server had in effect before we came.
#pragma once

#include "postgres/site.hpp"

namespace matriarch::postgres {

asio::awaitable<Outcome> attach_instance(std::shared_ptr<Site> site);

}  // namespace matriarch::postgres
