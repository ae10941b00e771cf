"""Patroni's cluster becomes Matriarch's node by node while it serves, and goes back; and any mixture on the way works as one cluster.

The steps are those of docs/migrating-from-patroni.md.
"""
import json
import re
import signal
import time

import pytest
from herd import system
from herd.guide import follow
from herd.patroni import SiteHerd
from herd.watch import UNNOTICED_S, Canary, Watch
from herd.writer import prepare

pytestmark = pytest.mark.long

TOOLS = ["patronictl", "matriarch"]
SYNCHRONOUS = {"synchronous_mode": True}


# ---- one node after the other ----

class Diary:
    """What was planned while a client wrote, and when."""

    def __init__(self, watch):
        self.client, self.planned = watch.client, []

    def gap_of(self, what, action):
        began = time.monotonic()
        action()
        self.client.wait_for_acks(50, 60)
        ended = time.monotonic()
        gap = self.client.gap_after(began, until=ended)
        print(f"{what}: {gap * 1000:.0f} ms without a commit")
        return began, ended

    def unplanned(self):
        return [(began, ended) for began, ended in self.client.silences(UNNOTICED_S)
                if not any(began < until and ended > since for since, until in self.planned)]


def move_all(herd, diary, to, of_a_replica, of_the_former_primary):
    """Every node, the primary last, after it has handed over. The steps are the guide's."""
    def move(node, step):
        assert not node.is_leader()
        follow(herd, step, node)
        follow(herd, "R2", node)
        herd.wait_healthy(60)

    primary = herd.leader()
    for node in herd.replicas():
        diary.gap_of(f"{node.name}, a replica, to {to}", lambda: move(node, of_a_replica))
    standby = herd.candidate()
    diary.planned.append(diary.gap_of(f"switchover from {primary.name} to {standby.name}",
                                      lambda: follow(herd, "R3", standby, PRIMARY=primary.name, STANDBY=standby.name)))
    assert herd.leader() is standby
    diary.gap_of(f"{primary.name}, the former primary, to {to}", lambda: move(primary, of_the_former_primary))
    assert herd.leader() is standby and [node.runs for node in herd.nodes] == [to] * len(herd.nodes)


def as_of_its_own_host(node):
    """The node's file but for the loopback addresses, which no real one may tell the others."""
    copy = node.directory / "copy.yml"
    copy.write_text(re.sub("connect_address: 127.0.0.1", "connect_address: 10.0.0.1", node.file.read_text()))
    return copy


def test_a_cluster_is_moved_node_by_node_and_back(build):
    with SiteHerd(build, dynamic=SYNCHRONOUS) as herd:
        print(f"Patroni {herd.version}")
        herd.start(120)
        first = herd.leader()
        prepare(first)
        for node in herd.nodes:
            follow(herd, "C1", node, FILE=str(as_of_its_own_host(node)))
            follow(herd, "C2", node)
        timeline = first.status()["timeline"]
        with Watch(herd) as watch, Canary() as canary:
            diary = Diary(watch)
            move_all(herd, diary, "matriarch", "R1", "R4")
            follow(herd, "A1", herd.nodes[0])
            watch.client.wait_for_acks(100, 30)
            follow(herd, "A2", herd.nodes[0])
            move_all(herd, diary, "patroni", "B1", "B1")
            watch.judge()
        print(f"{len(watch.client.acks)} commits; this machine made a program wait up to {canary.worst_s * 1000:.0f} ms")
        assert diary.unplanned() == [], "writing was interrupted, and no switchover was planned then"
        assert herd.leader().status()["timeline"] == timeline + len(diary.planned) == timeline + 2


# ---- both kinds at once ----

@pytest.fixture(scope="module")
def mixed(build):
    """n1 runs Patroni, n2 and n3 Matriarch. n3 has no duties, so n1 and n2 are each other's synchronous standby."""
    with SiteHerd(build, ["patroni", "matriarch", "matriarch"], scope="mixed", dynamic=SYNCHRONOUS) as herd:
        herd.nodes[2].extra = {"tags": {"nosync": True}}
        herd.start(120)
        prepare(herd.leader())
        yield herd


def other_kind(herd, leader):
    """The one of n1 and n2 that does not lead."""
    return herd.nodes[1] if leader is herd.nodes[0] else herd.nodes[0]


def lead(herd, node):
    """That node leads, and the other kind is its synchronous standby."""
    herd.wait_healthy(60)
    if herd.leader() is not node:
        herd.switch_to(node)
    pair(herd, node)


def pair(herd, leader):
    """n1 and n2 are in /sync, with that leader."""
    herd.wait_healthy(60)
    wanted = {"leader": leader.name, "sync_standby": other_kind(herd, leader).name}
    system.wait_until(lambda: (herd.key("sync") or {}).items() >= wanted.items(), 30, f"/sync is {wanted}{herd.diagnosis}")


@pytest.fixture(params=[0, 1], ids=["patroni-leads", "matriarch-leads"])
def leader(mixed, request):
    node = mixed.nodes[request.param]
    lead(mixed, node)
    return node


def test_the_other_kind_takes_over_from_a_lost_node(mixed, leader):
    heir = other_kind(mixed, leader)
    with Watch(mixed) as watch:
        at = time.monotonic()
        leader.kill_everything()
        assert mixed.wait_leader(60, other_than=leader) is heir
        watch.client.wait_for_acks(50, 60)
        print(f"{leader.runs} lost, {heir.runs} leads: {watch.client.gap_after(at) * 1000:.0f} ms without a commit")
        leader.start()
        watch.judge()
    pair(mixed, heir)


@pytest.mark.parametrize("tool", TOOLS)
def test_switchover_to_the_other_kind(mixed, leader, tool):
    heir = other_kind(mixed, leader)
    with Watch(mixed) as watch:
        at = time.monotonic()
        mixed.switch_to(heir, tool)
        watch.client.wait_for_acks(50, 60)
        print(f"{tool}, from {leader.runs} to {heir.runs}: {watch.client.gap_after(at) * 1000:.0f} ms without a commit")
        watch.judge()
    pair(mixed, heir)


@pytest.mark.parametrize("tool", TOOLS)
def test_pause_holds_for_both_kinds(mixed, leader, tool):
    mixed.ask(tool, "pause", mixed.scope, "--wait")
    try:
        assert all(node.status().get("pause") for node in mixed.nodes)
        with Watch(mixed) as watch:
            system.send([leader.postmaster()], signal.SIGKILL)
            system.wait_until(lambda: leader.postmaster() is None, 10, "PostgreSQL of the primary is gone")
            # Longer than the lease and a look after it: whoever would promote has done so by then.
            end = time.monotonic() + 20 + 2 * 2
            while time.monotonic() < end:
                for node in mixed.nodes:
                    assert node is leader or node.in_recovery(), f"{node.name} promoted itself in pause{mixed.diagnosis}"
                assert leader.postmaster() is None, f"{leader.name} was started in pause{mixed.diagnosis}"
                time.sleep(0.5)
            mixed.ask(tool, "resume", mixed.scope, "--wait")
            watch.judge()
    finally:
        mixed.ask(tool, "resume", mixed.scope, "--wait")
    assert not any(node.status().get("pause") for node in mixed.nodes)


@pytest.mark.parametrize("tool", TOOLS)
def test_dynamic_configuration_reaches_both_kinds(mixed, leader, tool):
    value = f"{5000 + 2 * TOOLS.index(tool) + mixed.nodes.index(leader)}kB"
    mixed.ask(tool, "edit-config", mixed.scope, "--pg", f"work_mem={value}", "--force")
    for node in mixed.nodes:
        system.wait_until(lambda: node.query("SHOW work_mem")[0][0] == value, 30, f"work_mem is {value} on {node.name}, which runs {node.runs}{mixed.diagnosis}")
    assert mixed.leader() is leader


def test_both_tools_show_the_same(mixed, leader):
    def listed(tool):
        return json.loads(mixed.ask(tool, "list", mixed.scope, "-f", "json"))

    system.wait_until(lambda: listed("patronictl") == listed("matriarch"), 30, f"one list: {listed('patronictl')} and {listed('matriarch')}")
    roles = {row["Member"]: row["Role"] for row in listed("matriarch")}
    assert roles == {leader.name: "Leader", other_kind(mixed, leader).name: "Sync Standby", "n3": "Replica"}


# ---- bookworm's own Patroni, 3.0.2 ----

def test_an_older_patroni_as_a_neighbour(build):
    with SiteHerd(build, ["patroni", "matriarch", "matriarch"], scope="older", dynamic=SYNCHRONOUS, major=3) as herd:
        assert herd.version.startswith("3.0.2")
        herd.nodes[2].extra = {"tags": {"nosync": True}}
        herd.start(120)
        prepare(herd.leader())
        old, new, _ = herd.nodes
        with Watch(herd) as watch:
            for heir in (old, new, old, new):
                if herd.leader() is not heir:
                    herd.switch_to(heir)
                pair(herd, heir)
                watch.client.wait_for_acks(50, 60)
            new.kill_everything()
            assert herd.wait_leader(60, other_than=new) is old
            watch.client.wait_for_acks(50, 60)
            new.start()
            pair(herd, old)
            old.kill_everything()
            assert herd.wait_leader(60, other_than=old) is new
            old.start()
            watch.judge()
        herd.ask("patronictl", "pause", herd.scope, "--wait")
        herd.ask("matriarch", "resume", herd.scope, "--wait")
        assert "Traceback" not in old.log.read_text()
