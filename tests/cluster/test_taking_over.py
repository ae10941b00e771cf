"""One program takes over the PostgreSQL that the other one started: the postmaster's pid stays the same.

The steps are those of docs/migrating-from-patroni.md.
"""
import re
import signal
from pathlib import Path

import pytest
from herd import system
from herd.guide import follow, steps
from herd.patroni import SiteHerd
from herd.watch import UNNOTICED_S, Watch
from herd.writer import prepare

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def herd(build):
    with SiteHerd(build, scope="taken", dynamic={"synchronous_mode": True}) as herd:
        print(f"Patroni {herd.version}")
        herd.start(120)
        prepare(herd.leader())
        yield herd


@pytest.fixture(params=["primary", "replica"])
def node(herd, request):
    """Of a herd that is run by Patroni."""
    herd.wait_healthy(90)
    for other in herd.nodes:
        if other.runs != "patroni":
            other.stop()
            other.runs = "patroni"
            other.start()
    herd.wait_healthy(90)
    return herd.leader() if request.param == "primary" else herd.candidate()


class SamePostgres:
    """The same postmaster runs all the time, and in the same role."""

    def __init__(self, node):
        self.node, self.pid, self.role = node, node.postmaster(), node.in_recovery()

    def check(self):
        assert self.node.postmaster() == self.pid and system.is_alive(self.pid), f"PostgreSQL of {self.node.name} was stopped\n{self.node.tail()}"
        assert self.node.in_recovery() == self.role


# What the guide says to do so that a node runs that program: before, on the node, and in the end.
WAYS = {"matriarch": ("P1", ["P2", "P3"], "P5"), "patroni": ("B2", ["B3"], "B4")}


def take_over(herd, node, program):
    postgres = SamePostgres(node)
    pause, on_the_node, resume = WAYS[program]
    follow(herd, pause, node)
    for number in on_the_node:
        follow(herd, number, node)
        postgres.check()
    follow(herd, "P4", node)
    herd.wait_healthy(60)
    follow(herd, resume, node)
    herd.wait_healthy(60)
    # Whatever would be restarted after the pause is restarted by the first looks, and pending restarts are known then.
    follow(herd, "C2", node)
    postgres.check()


def test_takeover_in_pause_and_back(herd, node):
    assert follow(herd, "C3", node) == "process"
    leader, timeline, postgres = herd.leader(), herd.leader().status()["timeline"], SamePostgres(node)
    with Watch(herd) as watch:
        for program in ("matriarch", "patroni"):
            take_over(herd, node, program)
            watch.client.wait_for_acks(200, 30)
        watch.judge()
    assert watch.client.silences(UNNOTICED_S) == []
    assert herd.leader() is leader and leader.status()["timeline"] == timeline
    postgres.check()


def test_takeover_from_a_killed_patroni(herd, node):
    leader, timeline, postgres = herd.leader(), herd.leader().status()["timeline"], SamePostgres(node)
    with Watch(herd) as watch:
        node.kill_service()
        postgres.check()
        node.runs = "matriarch"
        node.start()
        system.wait_until(lambda: node.status().get("matriarch") and node.status().get("state") == "running", 30, f"Matriarch answers{herd.diagnosis}")
        watch.client.wait_for_acks(200, 30)
        watch.judge()
    assert watch.client.silences(UNNOTICED_S) == []
    assert herd.leader() is leader and leader.status()["timeline"] == timeline
    postgres.check()


@pytest.mark.parametrize("node", ["replica"], indirect=True)
def test_takeover_while_postgres_stops(herd, node):
    """As when systemd loses its patience (TimeoutSec) and kills Patroni, which waits for a long checkpoint of PostgreSQL."""
    connection = node.connect()
    backend = connection.info.backend_pid
    with Watch(herd) as watch:
        system.send([backend], signal.SIGSTOP)  # a fast shutdown waits for it
        try:
            system.send([node.process.pid], signal.SIGTERM)
            system.wait_until(lambda: "received fast shutdown request" in node.log.read_text(), 60, "PostgreSQL is being stopped")
            old = node.postmaster()
            node.kill_service()
            node.runs = "matriarch"
            node.start()
            system.wait_until(lambda: node.get("/liveness")[0], 30, f"Matriarch answers\n{node.tail()}")
            assert node.postmaster() == old
        finally:
            system.send([backend], signal.SIGCONT)
            connection.close()
        watch.judge()
    assert watch.client.silences(UNNOTICED_S) == []
    assert node.postmaster() not in (None, old)


@pytest.mark.parametrize("second", ["matriarch", "patroni"])
def test_the_second_program_on_a_node_refuses(herd, second):
    herd.wait_healthy(90)
    node, first = herd.leader(), "patroni" if second == "matriarch" else "matriarch"
    if node.runs != first:
        take_over(herd, node, first)
    postgres = SamePostgres(node)
    node.runs = second
    try:
        intruder = node.spawn()
        assert intruder.wait(30) == 1, node.tail()
    finally:
        node.runs = first
    assert herd.leader() is node
    postgres.check()


def test_every_step_of_the_guide_is_tried():
    tests = "".join((Path(__file__).parent / name).read_text() for name in ("test_moving.py", "test_taking_over.py"))
    tried = set(re.findall(r'"([A-Z]\d+)"', tests))
    assert set(steps()) <= tried, "steps without a test"
    assert all(steps().values()), "a step without a command"
