// busy-client CONNINFO FILE: commits as fast as it can and writes into FILE when each acknowledgement was read from the
// socket (CLOCK_BOOTTIME nanoseconds; the first word counts them). With real-time priority where allowed, so that the time
// is the server's, not that of a client that waits for a processor.
#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>

#include "system/clock.hpp"
#include "system/realtime.hpp"

namespace {

constexpr std::uint64_t kMostAcks = 1 << 20;
constexpr std::size_t kFileSize = (kMostAcks + 1) * sizeof(std::int64_t);

int fail(const char* what) {
  std::fprintf(stderr, "busy-client: %s\n", what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fail("usage: busy-client CONNINFO FILE");
  const int fd = ::open(argv[2], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || ::ftruncate(fd, kFileSize) != 0) return fail("cannot make the file");
  void* mapped = ::mmap(nullptr, kFileSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return fail("cannot map the file");
  auto* words = static_cast<std::atomic<std::int64_t>*>(mapped);

  PGconn* connection = PQconnectdb(argv[1]);
  if (PQstatus(connection) != CONNECTION_OK) return fail(PQerrorMessage(connection));
  [[maybe_unused]] const auto granted = matriarch::system::request_realtime(1);
  for (std::uint64_t acks = 0; acks < kMostAcks; ++acks) {
    PGresult* result = PQexec(connection, "insert into t values (1)");
    const auto now = matriarch::system::boot_time();
    const bool committed = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!committed) {  // the end that the test is about
      PQfinish(connection);
      // Without what runs at an exit: under LeakSanitizer that spins for half a second, and at this priority it takes the processor
      // from the very processes whose end the test watches.
      ::_exit(0);
    }
    words[acks + 1].store(now.count(), std::memory_order_relaxed);
    words[0].store(static_cast<std::int64_t>(acks + 1), std::memory_order_release);
  }
  return fail("no room for more");
}
