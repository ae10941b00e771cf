// Tables as operators know them from patronictl (docs/ctl.md, "Tables").
#pragma once

#include <string>
#include <vector>

namespace matriarch::ctl {

struct Column {
  std::string header;
  bool align_right = false;
};

struct Table {
  std::string title;  // with its blanks; empty: none
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // a line feed in a cell makes its row several lines high
};

// With a final line feed.
std::string to_text(const Table& table);

}  // namespace matriarch::ctl
