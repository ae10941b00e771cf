// docs/compatibility.md as tests see it: the parts between "<!-- NAME -->" and "<!-- end -->", their tables, and what the
// source says that a part must agree with. The including file needs MATRIARCH_PROJECT_DIR.
#pragma once

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace matriarch::document {

using Names = std::set<std::string>;

inline const std::filesystem::path kProject = MATRIARCH_PROJECT_DIR;
inline const std::filesystem::path kDocument = kProject / "docs/compatibility.md";

inline std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Where a part lies in the document: behind its mark, up to its end.
struct Place {
  std::size_t begin = 0, size = 0;
};

inline Place place_of(const std::string& document, const std::string& part) {
  const std::string mark = "<!-- " + part + " -->\n";
  const auto begin = document.find(mark);
  const auto end = begin == std::string::npos ? begin : document.find("<!-- end -->", begin);
  EXPECT_NE(end, std::string::npos) << "docs/compatibility.md has no part " << part;
  if (end == std::string::npos) return {};
  return {begin + mark.size(), end - begin - mark.size()};
}

inline std::string part_of(const std::string& part) {
  const std::string document = text_of(kDocument);
  const Place place = place_of(document, part);
  return document.substr(place.begin, place.size);
}

inline std::string first_difference(const std::string& in_document, const std::string& printed) {
  std::istringstream left(in_document), right(printed);
  std::string a, b;
  bool has_a = true, has_b = true;
  while (a == b && (has_a || has_b)) {
    has_a = static_cast<bool>(std::getline(left, a));
    has_b = static_cast<bool>(std::getline(right, b));
    if (!has_a) a.clear();
    if (!has_b) b.clear();
    if (has_a != has_b) break;
  }
  return "docs/compatibility.md: " + a + "\nthe tables:            " + b;
}

// A part that is printed from tables of the code. MATRIARCH_WRITE_DOCUMENT=1 writes it anew.
inline void expect_printed(const std::string& part, const std::string& printed) {
  if (std::getenv("MATRIARCH_WRITE_DOCUMENT") != nullptr) {
    std::string document = text_of(kDocument);
    const Place place = place_of(document, part);
    document.replace(place.begin, place.size, printed);
    std::ofstream(kDocument, std::ios::binary) << document;
  }
  EXPECT_TRUE(part_of(part) == printed) << first_difference(part_of(part), printed) << "\nafter a change of the tables: MATRIARCH_WRITE_DOCUMENT=1 build/release/test_settings --gtest_filter='Compatibility.*'";
}

using Cells = std::vector<std::string>;

inline Cells cells_of(const std::string& line) {
  Cells cells;
  std::string cell;
  for (std::size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size()) cell += line[++i];
    else if (line[i] != '|') cell += line[i];
    else {
      const auto first = cell.find_first_not_of(' ');
      cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1));
      cell.clear();
    }
  }
  return cells;
}

// The rows of a part's tables, without their heads.
inline std::vector<Cells> rows_of(const std::string& part) {
  std::vector<Cells> rows;
  std::istringstream lines(part_of(part));
  bool in_body = false;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('|')) in_body = false;
    else if (line.starts_with("| ---")) in_body = true;
    else if (in_body) rows.push_back(cells_of(line));
  }
  EXPECT_FALSE(rows.empty()) << part;
  return rows;
}

// What stands in backticks.
inline Names codes_in(const std::string& cell) {
  Names codes;
  for (std::size_t begin = cell.find('`'); begin != std::string::npos;) {
    const auto end = cell.find('`', begin + 1);
    if (end == std::string::npos) break;
    codes.insert(cell.substr(begin + 1, end - begin - 1));
    begin = cell.find('`', end + 1);
  }
  return codes;
}

// What the code must know: "supported", "differs", and what Patroni does not have, "ours".
inline bool is_known(const std::string& support) { return support == "supported" || support == "differs" || support == "ours"; }

// The codes of a column in all rows of which the code must know what they name.
inline Names known_in(const std::string& part, std::size_t column, std::size_t support_column) {
  Names known;
  for (const Cells& row : rows_of(part)) {
    const auto codes = codes_in(row.at(column));
    EXPECT_FALSE(codes.empty()) << part << ": " << row.at(column);
    if (is_known(row.at(support_column))) known.insert(codes.begin(), codes.end());
  }
  return known;
}

// In both directions, and only what differs is said.
inline void expect_same(const Names& in_document, const Names& in_code) {
  for (const auto& name : in_code) EXPECT_TRUE(in_document.contains(name)) << "docs/compatibility.md lacks " << name;
  for (const auto& name : in_document) EXPECT_TRUE(in_code.contains(name)) << "docs/compatibility.md calls it known, and nothing knows it: " << name;
}

// Everything the first group of a pattern matches.
inline Names matches_in(const std::string& text, const char* pattern) {
  Names found;
  const std::regex expression(pattern);
  for (std::sregex_iterator match(text.begin(), text.end(), expression), end; match != end; ++match) found.insert((*match)[1]);
  return found;
}

// All sources below a folder of src, one after another.
inline std::string sources_of(const std::string& folder, const Names& without = {}) {
  std::string text;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kProject / "src" / folder)) {
    const auto extension = entry.path().extension();
    if ((extension == ".cpp" || extension == ".hpp") && !without.contains(entry.path().filename().string())) text += text_of(entry.path()) + "\n";
  }
  return text;
}

}  // namespace matriarch::document
