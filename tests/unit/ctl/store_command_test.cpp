// `store ...` against an embedded store made of answers.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "unit/ctl/desk.hpp"

namespace matriarch::ctl {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class StoreCommand : public testing::Test {
 protected:
  StoreCommand() {
    desk.program = "matriarch";
    desk.environment = {{"PATRONI_SCOPE", "orders"}, {"PATRONI_NAME", "n1"}, {"PATRONI_EMBEDDED_DATA_DIR", "/var/lib/x.consensus"}, {"HOME", "/nonexistent"}};
    desk.embedded.status = [this]() -> StoreAnswer<json::value> { return status; };
    desk.embedded.render_status = [](const json::value&) { return std::string("for people\n"); };
    desk.embedded.add = note("add");
    desk.embedded.remove = note("remove");
    desk.embedded.restore = note("restore");
    desk.embedded.check_snapshot = [this](const std::string&) -> StoreAnswer<void> { return trouble ? tl::unexpected(*trouble) : StoreAnswer<void>(); };
    desk.embedded.snapshot = [this](const std::string& file) -> StoreAnswer<std::size_t> {
      done.push_back("snapshot " + file);
      return 42u;
    };
    desk.embedded.check_recovery = [this]() -> StoreAnswer<void> { return trouble ? tl::unexpected(*trouble) : StoreAnswer<void>(); };
    desk.embedded.recover = [this]() -> StoreAnswer<void> {
      done.push_back("recover");
      return {};
    };
  }
  std::function<StoreAnswer<void>(const std::string&)> note(const std::string& what) {
    return [this, what](const std::string& about) -> StoreAnswer<void> {
      if (trouble) return tl::unexpected(*trouble);
      done.push_back(what + " " + about);
      return {};
    };
  }

  Desk desk;
  json::value status = json::object{{"has_leader", true}, {"term", 7}};
  std::optional<std::string> trouble;
  std::vector<std::string> done;
};

TEST_F(StoreCommand, StatusIsForPeopleOrProgramsAndFailsWithoutALeader) {
  EXPECT_EQ(desk.run({"store", "status"}), 0);
  EXPECT_EQ(desk.out, "for people\n");
  EXPECT_EQ(desk.run({"store", "status", "--json"}), 0);
  EXPECT_EQ(desk.out, "{\"has_leader\": true, \"term\": 7}\n");
  status.as_object()["has_leader"] = false;
  EXPECT_EQ(desk.run({"store", "status"}), 1);
}

TEST_F(StoreCommand, RemovalAsksFirst) {
  EXPECT_EQ(desk.run({"store", "remove", "n3"}, "n\n"), 1);
  EXPECT_THAT(desk.out, HasSubstr("loses its vote"));
  EXPECT_THAT(done, IsEmpty());
  EXPECT_EQ(desk.run({"store", "remove", "n3"}, "y\n"), 0);
  EXPECT_EQ(desk.run({"store", "remove", "--force", "n4"}), 0);
  EXPECT_THAT(done, ElementsAre("remove n3", "remove n4"));
  trouble = "no majority";
  EXPECT_EQ(desk.run({"store", "remove", "--force", "n4"}), 1);
  EXPECT_THAT(desk.err, HasSubstr("Error: no majority"));
}

TEST_F(StoreCommand, AddTellsWhatItDid) {
  EXPECT_EQ(desk.run({"store", "add", "10.0.0.4:7400"}), 0);
  EXPECT_THAT(done, ElementsAre("add 10.0.0.4:7400"));
}

TEST_F(StoreCommand, ASnapshotReplacesNoFileByItself) {
  const auto file = std::filesystem::temp_directory_path() / ("store-command-" + std::to_string(::getpid()));
  std::ofstream(file) << "precious";
  EXPECT_EQ(desk.run({"store", "snapshot", file}), 1);
  EXPECT_THAT(desk.err, HasSubstr("--force replaces it"));
  EXPECT_THAT(done, IsEmpty());
  EXPECT_EQ(desk.run({"store", "snapshot", "--force", file}), 0);
  EXPECT_THAT(desk.out, HasSubstr("42 bytes"));
  std::filesystem::remove(file);
}

TEST_F(StoreCommand, RestoreLooksAtTheFileThenSaysWhatIsLost) {
  trouble = "it is damaged";
  EXPECT_EQ(desk.run({"store", "restore", "f"}), 1);
  EXPECT_THAT(desk.out, Not(HasSubstr("lost")));
  trouble.reset();
  EXPECT_EQ(desk.run({"store", "restore", "f"}, "n\n"), 1);
  EXPECT_THAT(desk.out, HasSubstr("whatever changed since is lost"));
  EXPECT_THAT(done, IsEmpty());
  EXPECT_EQ(desk.run({"store", "restore", "f"}, "y\n"), 0);
  EXPECT_THAT(done, ElementsAre("restore f"));
}

TEST_F(StoreCommand, RecoveryUnderBothNamesSaysWhatIsLost) {
  trouble = "is in use";
  EXPECT_EQ(desk.run({"store", "recover", "--force"}), 1);
  trouble.reset();
  EXPECT_EQ(desk.run({"store", "recover"}, "n\n"), 1);
  EXPECT_THAT(desk.out, HasSubstr("Lost is whatever the other members acknowledged"));
  EXPECT_THAT(done, IsEmpty());
  EXPECT_EQ(desk.run({"store", "recover"}, "y\n"), 0);
  EXPECT_EQ(desk.run({"store", "force-new-cluster", "--force"}), 0);
  EXPECT_THAT(done, ElementsAre("recover", "recover"));
}

TEST_F(StoreCommand, WrongUsageIsNamed) {
  EXPECT_EQ(desk.run({"store"}), 2);
  EXPECT_EQ(desk.run({"store", "stauts"}), 2);
  EXPECT_THAT(desk.err, HasSubstr("No such command 'stauts'"));
  EXPECT_EQ(desk.run({"store", "add"}), 2);
  EXPECT_THAT(desk.err, HasSubstr("Missing argument 'ADDRESS'"));
  EXPECT_EQ(desk.run({"store", "add", "a:1", "b:2"}), 2);
  EXPECT_EQ(desk.run({"store", "--help"}), 0);
  EXPECT_THAT(desk.out, HasSubstr("force-new-cluster"));
}

TEST_F(StoreCommand, ItIsForTheEmbeddedStoreOnly) {
  desk.environment = Desk().environment;
  EXPECT_EQ(desk.run({"store", "status"}), 1);
  EXPECT_THAT(desk.err, HasSubstr("etcd"));
}

}  // namespace
}  // namespace matriarch::ctl
