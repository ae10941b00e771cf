// The operator's commands: everything of ctl/, and the embedded store's own.
#pragma once

#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::main {

bool is_operator_command(const std::vector<std::string>& arguments);
std::string wanted_command(const std::vector<std::string>& arguments);  // behind global options; empty: none
std::optional<std::string> nearest_command(const std::string& word);
bool is_store_command(std::string_view word);  // behind `store`: not the name of a file
int run_operator(int argc, char** argv);
void print_operator_help(std::FILE* stream);

}  // namespace matriarch::main
