// A place beside the data directory where its replacement grows, and the exchange of the two. Blocking.
#pragma once

#include "postgres/data_directory.hpp"

namespace matriarch::postgres {

struct CopyPlan {
  std::string target;     // where the copy is made
  bool beside = false;    // target is not the data directory: swap_in() follows
  std::string why_in_place;
};
// Prepares an empty directory. In place, which means that the old data goes first, when the data directory is a mount
// point, its parent cannot be written, or its tablespaces and WAL lie elsewhere (the copy wants the same places). The copy then
// grows in a hidden directory inside: while it is unfinished, whatever ends us, there is no data here that somebody must judge.
model::Result<CopyPlan, std::string> prepare_copy(const std::string& data_directory);

// The copy becomes the data directory, atomically where the file system can; then the old data is removed. In place its content
// moves up, the control file last.
FileResult swap_in(const CopyPlan& plan, const std::string& data_directory);
// Nothing of an unfinished copy is left.
FileResult discard_copy(const CopyPlan& plan);

// Old data under another name while a method that knows only the one place fills it; back on failure. Refused when tablespaces
// or WAL lie elsewhere: the method fills the same places, and removing either directory would remove what the other uses.
FileResult put_aside(const std::string& data_directory, const std::string& aside);
FileResult put_back(const std::string& data_directory, const std::string& aside);

}  // namespace matriarch::postgres
