// Reads every include below src/ and fails when an arrow between two rooms turns back (docs/architecture.md).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

namespace {

namespace fs = std::filesystem;
using Rooms = std::set<std::string>;

// Who may include whom. `runtime` sees of the guardian only what its side of the page and the socket needs.
const std::map<std::string, Rooms> kMayInclude{
    {"system", {}},
    {"model", {}},
    {"rules", {"model"}},
    {"ports", {"model"}},
    {"agent", {"model", "rules", "ports"}},
    {"net", {"system"}},
    {"store", {"model", "ports", "net"}},
    {"consensus", {"model", "net", "system"}},
    {"postgres", {"model", "ports", "system"}},
    {"peers", {"model", "ports", "net"}},
    {"guardian", {"system"}},
    {"runtime", {"model", "ports", "system", "guardian"}},
    {"rest", {"model", "ports", "net"}},
    {"settings", {"model"}},
    {"ctl", {"model", "ports", "rules", "store", "peers", "settings", "net", "system"}},
    {"main", {"system", "model", "rules", "ports", "agent", "net", "store", "consensus", "postgres", "peers", "guardian", "runtime", "rest", "settings", "ctl"}},
};

struct Include {
  std::string room, file, path;  // who, where, what
};

std::vector<Include> all_includes() {
  const std::regex quoted(R"(^\s*#\s*include\s*["<]([^">]+)[">])");
  std::vector<Include> found;
  const fs::path root = MATRIARCH_SOURCE_DIR;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const auto extension = entry.path().extension();
    if (!entry.is_regular_file() || (extension != ".hpp" && extension != ".cpp" && extension != ".h" && extension != ".c")) continue;
    const auto relative = fs::relative(entry.path(), root);
    std::ifstream file(entry.path());
    std::smatch match;
    for (std::string line; std::getline(file, line);) {
      if (std::regex_search(line, match, quoted)) found.push_back({relative.begin()->string(), relative.string(), match[1]});
    }
  }
  return found;
}

std::string first_part(const std::string& path) { return path.substr(0, path.find('/')); }

TEST(Architecture, NoArrowTurnsBack) {
  const auto includes = all_includes();
  ASSERT_GT(includes.size(), 500u) << "the sources were not found";
  for (const auto& include : includes) {
    const std::string target = first_part(include.path);
    if (!kMayInclude.contains(target) || target == include.room) continue;
    ASSERT_TRUE(kMayInclude.contains(include.room)) << include.room << " is a room that nobody drew into the plan";
    EXPECT_TRUE(kMayInclude.at(include.room).contains(target)) << include.file << " includes " << include.path;
  }
}

TEST(Architecture, HeavyLibrariesStayInTheirRooms) {
  const std::map<std::string, Rooms> only_in{{"boost/beast", {"net"}}, {"yaml-cpp", {"settings"}}, {"spdlog", {"runtime"}}, {"libpq-fe.h", {"postgres"}}, {"raft", {"consensus"}}};
  for (const auto& include : all_includes()) {
    for (const auto& [library, rooms] : only_in) {
      if (include.path.rfind(library, 0) != 0 || include.path.rfind("raft/", 0) == 0) continue;
      EXPECT_TRUE(rooms.contains(include.room)) << include.file << " includes " << include.path;
    }
    if (include.room == "guardian" || include.room == "system") {
      EXPECT_NE(first_part(include.path), "boost") << include.file;
      EXPECT_NE(first_part(include.path), "fmt") << include.file;
    }
  }
}

TEST(Architecture, EveryRoomSaysWhatItIs) {
  for (const auto& [room, _] : kMayInclude) EXPECT_TRUE(fs::exists(fs::path(MATRIARCH_SOURCE_DIR) / room / "README.md")) << room;
}

}  // namespace
