// The operator's editor and pager.
#pragma once

#include <string>

#include "ctl/streams.hpp"
#include "settings/local.hpp"

namespace matriarch::ctl {

// Lets the operator edit `text` in a private temporary file named after `name`; returns the result. Throws Failure.
std::string edit(const std::string& text, const std::string& name, const settings::Environment& environment);

// Shows a text: plain when the output is no terminal, else through the pager. Throws Failure when there is no pager.
void page(const std::string& text, const Streams& streams, const settings::Environment& environment);

}  // namespace matriarch::ctl
