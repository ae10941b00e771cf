// The operator's editor and pager.
#pragma once

#include <map>
#include <string>

#include "ctl/streams.hpp"

namespace matriarch::ctl {

// Lets the operator edit `text` in a private temporary file named after `name`; returns the result. Throws Failure.
std::string edit(const std::string& text, const std::string& name, const std::map<std::string, std::string>& environment);

// Shows a text: plain when the output is no terminal, else through the pager. Throws Failure when there is no pager.
void page(const std::string& text, const Streams& streams, const std::map<std::string, std::string>& environment);

}  // namespace matriarch::ctl
