"""Real nodes, real faults: never two writers, in synchronous mode nothing lost, and the herd is whole afterwards."""
import signal
import time

import pytest
from herd import system
from herd.cluster import Herd
from herd.writer import Writer, lost_writes, prepare, two_writers

@pytest.fixture(scope="module", params=[True, pytest.param(False, marks=pytest.mark.long)], ids=["sync", "async"])
def herd(build, request):
    with Herd(build, dynamic={"synchronous_mode": request.param}, scope="faults") as cluster:
        cluster.start(90)
        prepare(cluster.leader())
        yield cluster


class Watch:
    """Writers through every node at once: one as a client would, one pinned to each node, which must not get a word in edgeways."""

    def __init__(self, herd):
        self.herd = herd
        base = time.monotonic_ns()
        self.client = Writer(herd.nodes, first_id=base)
        self.pinned = [Writer([node], pause_s=0.005, first_id=base + (i + 1) * 10**13) for i, node in enumerate(herd.nodes)]
        self.writers = [self.client, *self.pinned]

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        self.client.wait_for_acks(100, 30)
        return self

    def __exit__(self, kind, error, trace):
        for writer in self.writers:
            writer.stop()

    def judge(self):
        """After the fault: heals, then nothing may have gone wrong."""
        herd = self.herd
        self.client.wait_for_acks(50, 60)
        herd.wait_healthy(90)
        for writer in self.writers:
            writer.stop()
        assert two_writers(self.writers) == []
        assert sum(len(writer.acks) for writer in self.writers) > 200, "too few writes to show anything"
        lost = lost_writes(self.writers, herd.leader())
        if herd.dynamic["synchronous_mode"]:
            assert lost == []
        timelines = {node.status()["timeline"] for node in herd.nodes}
        assert len(timelines) == 1


def kill(pids, which=signal.SIGKILL):
    assert pids, "there is nothing to kill"
    system.send(pids, which)


def test_loss_of_the_primary_node(herd):
    leader = herd.leader()
    with Watch(herd) as watch:
        leader.kill_everything()
        herd.wait_leader(30, other_than=leader)
        leader.start()
        watch.judge()


@pytest.mark.parametrize("what", ["agent", "store"])
def test_death_of_agent_or_store_is_no_event(herd, what):
    leader = herd.leader()
    timeline = leader.status()["timeline"]
    with Watch(herd) as watch:
        at = time.monotonic()
        kill(leader.agent() if what == "agent" else leader.store())
        watch.client.wait_for_acks(500, 30)
        system.wait_until(lambda: leader.is_leader() and leader.status().get("timeline") == timeline, 20, "the same node still leads")
        assert watch.client.longest_gap(at) < 1.0  # generous: bench/ measures it
        watch.judge()
    assert herd.leader() is leader and leader.status()["timeline"] == timeline


@pytest.mark.parametrize("victims", ["guardian", "guardian+agent", "all"])
def test_death_of_the_guardian(herd, victims):
    leader = herd.leader()
    with Watch(herd) as watch:
        guardian = leader.guardian()
        pids = [guardian]
        if victims != "guardian":
            pids += leader.agent()
        if victims == "all":
            pids += leader.store()
        system.send(pids, signal.SIGSTOP)
        kill(pids)
        leader.process.wait(10)
        # The service manager: 100 ms later, whatever became of PostgreSQL.
        watch.client.stopping.wait(0.1)
        leader.start()
        watch.judge()


def test_death_of_the_postmaster_with_busy_backends(herd):
    leader = herd.leader()
    with Watch(herd) as watch:
        kill([leader.postmaster()])
        watch.judge()


@pytest.mark.long
def test_suspension_of_the_whole_node(herd):
    leader = herd.leader()
    with Watch(herd) as watch:
        pids = system.family(leader.process.pid)
        system.send(pids, signal.SIGSTOP)
        pids = system.family(leader.process.pid)
        system.send(pids, signal.SIGSTOP)
        herd.wait_leader(30, other_than=leader)
        watch.client.wait_for_acks(50, 30)
        woken = time.monotonic()
        system.send(reversed(pids), signal.SIGCONT)
        system.wait_until(lambda: not leader.is_leader(), 10, "the woken node gave up")
        watch.client.wait_for_acks(50, 30)
        herd.wait_healthy(90)
        for writer in watch.writers:
            writer.stop()
        late = [ack for writer in watch.writers for ack in writer.acks if ack.node == leader.name and ack.acknowledged > woken]
        newest = max(ack.timeline for ack in watch.client.acks)
        late = [ack for ack in late if ack.timeline < newest]
        print(f"late acknowledgements of the woken node: {len(late)}")
        if herd.dynamic["synchronous_mode"]:
            assert late == []
            assert lost_writes(watch.writers, herd.leader()) == []
        else:
            assert all(ack.acknowledged - woken < 0.5 for ack in late)


def test_switchover_there_and_back(herd):
    for _ in range(2):
        leader = herd.leader()
        target = herd.candidate()
        with Watch(herd) as watch:
            done = herd.ctl("switchover", herd.scope, "--leader", leader.name, "--candidate", target.name, "--force", timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr
            herd.wait_leader(30, other_than=leader)
            assert herd.leader() is target
            watch.judge()
