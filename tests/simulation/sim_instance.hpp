// A PostgreSQL instance on a simulated machine: its disk, its processes, its replication. It lives on while agents die.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/postgres.hpp"
#include "simulation/network.hpp"
#include "simulation/sim_wal.hpp"

namespace matriarch::simulation {

class SimInstance;
using Instances = std::vector<std::unique_ptr<SimInstance>>;

struct InstanceNames {
  std::function<NodeId(const std::string& member)> node_of;
  std::function<std::string(NodeId)> name_of;
};

class SimInstance {
 public:
  // What survives a power cut.
  struct Disk {
    bool initialized = false;
    bool damaged = false;        // a rewind was cut short
    std::string system_id;
    Position position;           // end of durable WAL
    bool is_standby = false;     // standby.signal
    bool clean_shutdown = false;
    std::string sync_names;
    std::string upstream;        // a member's name; empty: none
    std::uint32_t control_timeline = 1;  // of the last checkpoint
  };

  enum class Process { kNone, kStarting, kRunning, kStopping };

  SimInstance(World& world, Network& network, Wal& wal, Instances& all, InstanceNames names, NodeId node);

  Disk& disk() { return disk_; }
  const Disk& disk() const { return disk_; }
  Process process() const { return process_; }
  bool is_running() const { return process_ != Process::kNone; }
  bool accepts_connections() const { return process_ == Process::kRunning; }
  bool in_recovery() const { return in_recovery_; }
  bool may_write() const { return process_ == Process::kRunning && !in_recovery_ && !frozen_; }
  bool has_backends() const { return process_ != Process::kNone || surviving_backends_; }
  std::uint64_t postmaster() const { return postmaster_; }  // counts the starts
  Instant started_at() const { return started_at_; }
  const std::string& running_sync_names() const { return running_sync_names_; }
  std::vector<model::WalSender> wal_senders() const;
  bool is_streaming() const { return streaming_from_ >= 0; }
  NodeId node() const { return node_; }

  void replay_slowly() { replays_slowly_ = true; }
  void on_change(std::function<void(std::string)> callback) { changed_ = std::move(callback); }
  // The guardian's pidfds.
  void on_process_event(std::function<void()> callback) { process_event_ = std::move(callback); }

  // ---- what processes can do to it ----
  void start();                          // becomes kRunning after a while, by itself
  void stop_fast(std::function<void()> stopped);
  void sigquit();                        // dies with its backends, nearly always within 40 ms
  void sigkill_postmaster();             // backends live on for a while
  void sigkill_all();
  void promote();                        // leaves recovery after a while
  void reload();                         // takes sync names and upstream of the disk into force
  void freeze(bool frozen);              // SIGSTOP of all its processes
  void power_cut();

  // One commit by a client that is connected to it. Acknowledged when it is durable here and confirmed as configured.
  void client_commit();

 private:
  struct Pending {
    std::uint64_t lsn;
    int branch;
    std::uint64_t postmaster;
  };
  void after(Milliseconds low, Milliseconds high, std::function<void()> action);
  void say(std::string event);
  void die(bool backends_survive);
  void drop_connections();
  void try_to_stream();
  void receive(Position position, NodeId from, std::uint64_t connection);
  void confirmed(NodeId standby, std::uint64_t lsn, std::uint64_t connection);
  void release_waiters();
  bool is_confirmed(std::uint64_t lsn, bool& waited) const;
  void send_wal();

  World& world_;
  Network& network_;
  Wal& wal_;
  Instances& all_;
  InstanceNames names_;
  NodeId node_;
  Disk disk_;
  Process process_ = Process::kNone;
  bool in_recovery_ = false, frozen_ = false, surviving_backends_ = false, promoting_ = false, replays_slowly_ = false;
  std::uint64_t postmaster_ = 0;
  std::uint64_t generation_ = 0;      // of the processes: what a dead one had planned does not happen
  Instant started_at_{};
  std::string running_sync_names_;
  NodeId streaming_from_ = -1;
  std::uint64_t connection_ = 0;      // of the receiver
  struct Sender {
    std::uint64_t connection = 0;
    std::uint64_t flush = 0;
  };
  std::map<NodeId, Sender> senders_;  // standbys that stream from here
  std::vector<Pending> waiters_;
  std::function<void()> stopped_;
  std::function<void(std::string)> changed_;
  std::function<void()> process_event_;
};

}  // namespace matriarch::simulation
