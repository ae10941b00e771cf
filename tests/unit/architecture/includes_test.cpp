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

// The captures of the lambdas that the awaited expression makes, each as it is written.
std::vector<std::string> captures_in(const std::string& awaited) {
  std::vector<std::string> captures;
  for (auto open = awaited.find('['); open != std::string::npos; open = awaited.find('[', open + 1)) {
    const auto before = awaited.find_last_not_of(" \n", open == 0 ? 0 : open - 1);
    const auto close = awaited.find(']', open);
    const bool begins_an_argument = open > 0 && (awaited[before] == '(' || awaited[before] == ',');
    if (close != std::string::npos && begins_an_argument) captures.push_back(awaited.substr(open + 1, close - open - 1));
  }
  return captures;
}

// GCC 12 destroys a temporary with state in an awaited call twice: a lambda that holds something is named first.
TEST(Architecture, AnAwaitedCallMakesNoLambdaWithState) {
  const std::regex only_references(R"((\s*(&\w*|this)\s*,?)*)");
  EXPECT_FALSE(std::regex_match(captures_in("watch(path, [changed] { changed->notify(); })").at(0), only_references));
  std::size_t looked_at = 0;
  for (const auto& entry : fs::recursive_directory_iterator(MATRIARCH_SOURCE_DIR)) {
    if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    for (auto at = text.find("co_await"); at != std::string::npos; at = text.find("co_await", at + 1), ++looked_at) {
      for (const auto& capture : captures_in(text.substr(at, text.find(';', at) - at))) {
        EXPECT_TRUE(std::regex_match(capture, only_references)) << entry.path() << ": [" << capture << "]";
      }
    }
  }
  EXPECT_GT(looked_at, 300u) << "the sources were not found";
}

TEST(Architecture, EveryRoomSaysWhatItIs) {
  for (const auto& [room, _] : kMayInclude) EXPECT_TRUE(fs::exists(fs::path(MATRIARCH_SOURCE_DIR) / room / "README.md")) << room;
}

}  // namespace
