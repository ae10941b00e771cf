"""Real nodes, real faults: never two writers, in synchronous mode nothing lost, and the herd is whole afterwards."""
import signal
import time

import pytest
from herd import system
from herd.cluster import Herd
from herd.watch import Canary, Watch
from herd.writer import prepare


@pytest.fixture(scope="module", params=[True, pytest.param(False, marks=pytest.mark.long)], ids=["sync", "async"])
def herd(build, request):
    with Herd(build, dynamic={"synchronous_mode": request.param}, scope="faults") as cluster:
        cluster.start(90)
        prepare(cluster.leader())
        yield cluster


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
        assert watch.client.gap_after(at) < 1.0  # generous: bench/ measures it
        watch.judge(nothing_may_be_lost=True)
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


def test_death_of_the_guardian_beside_frozen_helpers(herd):
    """Nobody is left to fence, and what is left holds its ports: the service must come up nevertheless and clear up."""
    leader = herd.leader()
    with Watch(herd) as watch:
        frozen = leader.agent() + leader.store()
        system.send(frozen, signal.SIGSTOP)
        kill([leader.guardian()])
        leader.process.wait(10)
        watch.client.stopping.wait(0.1)
        leader.start()
        system.wait_until(lambda: not any(system.is_alive(pid) for pid in frozen), 10, "the frozen ones are gone")
        watch.judge()


def test_death_of_the_postmaster_with_busy_backends(herd):
    leader = herd.leader()
    with Watch(herd) as watch:
        kill([leader.postmaster()])
        watch.judge(nothing_may_be_lost=True)


@pytest.mark.long
def test_suspension_of_the_whole_node(herd):
    leader = herd.leader()
    with Watch(herd) as watch:
        pids = system.freeze_family(leader.process.pid)
        herd.wait_leader(30, other_than=leader, without=leader)
        watch.client.wait_for_acks(50, 30)
        with Canary() as canary:
            woken = time.monotonic()
            # The guardian last: that it is woken before those it fences must not matter.
            system.send(reversed(pids), signal.SIGCONT)
            system.wait_until(lambda: not leader.is_leader(), 10, "the woken node gave up")
        watch.judge(two_writers_are_known=not herd.dynamic["synchronous_mode"])
    late = watch.late_acks(leader, woken)
    print(f"late acknowledgements of the woken node: {[f'{(ack.acknowledged - woken) * 1000:.1f} ms' for ack in late]}; "
          f"this machine made a program wait up to {canary.worst_s * 1000:.1f} ms")
    if herd.dynamic["synchronous_mode"]:
        assert late == []
    else:
        # 10 ms, and what the machine took before anybody, guardian or client, had its turn.
        assert all(ack.acknowledged - woken < 0.010 + canary.worst_s for ack in late)


def test_switchover_there_and_back(herd):
    for _ in range(2):
        leader = herd.leader()
        target = herd.candidate()
        with Watch(herd) as watch:
            done = herd.ctl("switchover", herd.scope, "--leader", leader.name, "--candidate", target.name, "--force", timeout=60)
            assert done.returncode == 0, done.stdout + done.stderr
            herd.wait_leader(30, other_than=leader)
            assert herd.leader() is target
            watch.judge(nothing_may_be_lost=True)
