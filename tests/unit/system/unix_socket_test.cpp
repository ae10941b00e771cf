#include "system/unix_socket.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>

#include "unit/system/a_directory.hpp"
#include "unit/system/a_pipe.hpp"

namespace matriarch::system {
namespace {

std::string text_of(std::span<const std::byte> buffer, const Message& message) {
  return std::string(reinterpret_cast<const char*>(buffer.data()), message.size);
}

class SeqpacketPair : public testing::Test {
 protected:
  void SetUp() override {
    auto pair = seqpacket_pair(true);
    ASSERT_TRUE(pair);
    std::tie(one, other) = std::move(*pair);
  }
  Fd one;
  Fd other;
  std::array<std::byte, 16> buffer{};
};

TEST_F(SeqpacketPair, KeepsMessagesApart) {
  ASSERT_TRUE(send_message(one, "first"));
  ASSERT_TRUE(send_message(one, "second"));
  const auto first = receive_message(other, buffer);
  EXPECT_EQ(text_of(buffer, **first), "first");
  const auto second = receive_message(other, buffer);
  EXPECT_EQ(text_of(buffer, **second), "second");
  EXPECT_EQ(receive_message(other, buffer).error().code, EAGAIN);
}

TEST_F(SeqpacketPair, CarriesDescriptors) {
  APipe pipe;
  const int passed[] = {pipe.write_end.get(), pipe.read_end.get()};
  ASSERT_TRUE(send_message(one, "two", passed));
  auto message = receive_message(other, buffer);
  ASSERT_TRUE(message && *message);
  ASSERT_EQ((*message)->fds.size(), 2u);
  EXPECT_NE(::fcntl((*message)->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  ASSERT_EQ(::write((*message)->fds[0].get(), "hi", 2), 2);
  EXPECT_EQ(pipe.read_some(), "hi");
}

TEST_F(SeqpacketPair, ReportsTheEndAndAWriteAfterIt) {
  one.reset();
  const auto message = receive_message(other, buffer);
  ASSERT_TRUE(message);
  EXPECT_FALSE(*message);
  EXPECT_EQ(send_message(other, "x").error().code, EPIPE);
}

TEST_F(SeqpacketPair, RefusesWhatDoesNotFitOrIsEmpty) {
  ASSERT_TRUE(send_message(one, "longer than sixteen bytes"));
  EXPECT_EQ(receive_message(other, buffer).error().code, EMSGSIZE);
  EXPECT_EQ(send_message(one, "").error().code, EINVAL);
  const std::vector<int> too_many(kMaxPassedFds + 1, 0);
  EXPECT_EQ(send_message(one, "x", too_many).error().code, EINVAL);
}

TEST_F(SeqpacketPair, AFullQueueIsSaidAtOnce) {
  int sent = 0;
  SystemResult<void> result;
  while ((result = send_message(one, "x"))) ASSERT_LT(++sent, 1'000'000);
  EXPECT_EQ(result.error().code, EAGAIN);
  EXPECT_GT(sent, 0);
}

TEST_F(SeqpacketPair, NamesThePeer) {
  const auto peer = peer_credentials(one);
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->pid, ::getpid());
  EXPECT_EQ(peer->uid, ::getuid());
}

TEST(SeqpacketListener, AcceptsConnectionsAndKeepsItsModeFromOthers) {
  const ADirectory directory;
  const auto listener = listen_seqpacket(directory / "s");
  ASSERT_TRUE(listener) << listener.error().message();
  struct stat info {};
  ASSERT_EQ(::stat((directory / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(accept_seqpacket(*listener).error().code, EAGAIN);

  const auto client = connect_seqpacket(directory / "s");
  ASSERT_TRUE(client);
  const auto server = accept_seqpacket(*listener);
  ASSERT_TRUE(server);
  ASSERT_TRUE(send_message(*client, "hello"));
  std::array<std::byte, 16> buffer{};
  const auto message = receive_message(*server, buffer);
  EXPECT_EQ(text_of(buffer, **message), "hello");
}

TEST(SeqpacketListener, ReplacesAStaleFileButNotALivingListener) {
  const ADirectory directory;
  { const auto gone = listen_seqpacket(directory / "s"); }
  const auto again = listen_seqpacket(directory / "s");
  ASSERT_TRUE(again) << again.error().message();
  const auto second = listen_seqpacket(directory / "s");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_THAT(second.error().message(), testing::HasSubstr(directory / "s"));
  EXPECT_TRUE(connect_seqpacket(directory / "s"));
}

TEST(SeqpacketListener, DoesNotRemoveAFileThatIsNoSocket) {
  const ADirectory directory;
  { const Fd file(::open((directory / "s").c_str(), O_CREAT | O_WRONLY, 0600)); }
  EXPECT_EQ(listen_seqpacket(directory / "s").error().code, EADDRINUSE);
  EXPECT_EQ(::access((directory / "s").c_str(), F_OK), 0);
}

TEST(SeqpacketListener, RefusesAPathThatIsTooLong) {
  EXPECT_EQ(listen_seqpacket("/tmp/" + std::string(200, 'x')).error().code, ENAMETOOLONG);
  EXPECT_EQ(connect_seqpacket("").error().code, EINVAL);
}

}  // namespace
}  // namespace matriarch::system
