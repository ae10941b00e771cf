"""The primary's node is cut off: clients on both sides, never two nodes acknowledging at once, one timeline afterwards."""
import os
import time

import pytest
from herd import system
from herd.cluster import Herd
from herd.watch import Watch
from herd.writer import prepare

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


@pytest.fixture(scope="module", params=[True, False], ids=["sync", "async"])
def herd(build, request):
    with Herd(build, dynamic={"synchronous_mode": request.param}, scope="cut", networked=True) as cluster:
        cluster.start(90)
        prepare(cluster.leader())
        yield cluster


def last_ack_of(watch, node, timeline):
    return max((ack.acknowledged for writer in watch.writers for ack in writer.acks if (ack.node, ack.timeline) == (node.name, timeline)), default=None)


CUTS = {"both ways": {}, "its words are lost": {"inbound": False}, "what it is told is lost": {"outbound": False}}


@pytest.mark.parametrize("cut", [pytest.param(name, marks=[] if name == "both ways" else pytest.mark.long) for name in CUTS])
def test_cut_of_the_primary_node(herd, cut):
    leader = herd.leader()
    timeline = leader.status()["timeline"]
    with Watch(herd, beside=[leader]) as watch:
        beside = watch.pinned[leader.name]
        beside.wait_for_acks(50, 15)
        at = time.monotonic()
        leader.place.cut(**CUTS[cut])
        try:
            assert leader.get("/liveness", timeout=0.5)[0] == 0, "the node is not cut off"
            new = herd.wait_leader(30, other_than=leader)
            watch.client.wait_for_acks(100, 30)
            # The client beside the old primary could go on until its lease ended, and not a moment longer.
            first = min(ack.acknowledged for ack in watch.client.acks if ack.timeline > timeline)
            last = last_ack_of(watch, leader, timeline)
            assert last < first
            if not herd.dynamic["synchronous_mode"]:
                assert last > at + 0.5, "the old primary was not serving while it was cut off: nothing was shown"
            print(f"cut off at 0: the old primary's last commit {last - at:.3f} s, the new one's first {first - at:.3f} s")
            assert system.wait_until(lambda: not leader.postmaster_is_primary(), 10, f"{leader.name} is no primary any more")
        finally:
            leader.place.mend()
        watch.judge()
    assert new is not leader


def test_cut_of_a_replica_is_no_event(herd):
    leader = herd.leader()
    timeline = leader.status()["timeline"]
    replica = next(node for node in herd.replicas() if node is not (herd.candidate() if herd.dynamic["synchronous_mode"] else None))
    with Watch(herd, beside=[replica]) as watch:
        replica.place.cut()
        try:
            # Longer than any lease: at 2 ms and more a commit.
            watch.client.wait_for_acks(1000, 60)
            system.wait_until(lambda: all(member["name"] != replica.name for member in leader.members()), 30, f"{replica.name} is no member any more")
        finally:
            replica.place.mend()
        watch.judge()
    assert herd.leader() is leader and leader.status()["timeline"] == timeline
