"""What Matriarch itself costs on a running node: memory and idle CPU of guardian, agent and store together."""
import os
import time
from pathlib import Path

import pytest
from herd import system
from herd.cluster import Herd
from herd.writer import Writer, prepare

MB = 1 << 20
LIMIT_MB = 20
IDLE_LIMIT = 0.01  # of one core


@pytest.fixture(scope="module")
def herd(build):
    with Herd(build, dynamic={"synchronous_mode": True}, scope="cost") as cluster:
        for node in cluster.nodes:
            # Each node its own copy: pages that it would share with the other nodes of this machine are its own elsewhere.
            node.programs = system.copy_programs(build, cluster.work / f"bin-{node.name}")
        cluster.start(90)
        prepare(cluster.leader())
        yield cluster


def processes_of(node):
    pids = {"guardian": [node.guardian()], "agent": node.agent(), "store": node.store()}
    assert all(len(found) == 1 for found in pids.values()), pids
    return {name: found[0] for name, found in pids.items()}


def pss(pid):
    return next(int(line.split()[1]) * 1024 for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_memory_of_a_node(herd):
    """After a while of work: a loaded leader, not a fresh process."""
    with Writer(herd.nodes, pause_s=0) as writer:
        writer.wait_for_acks(2000, 60)
        for _ in range(300):
            for node in herd.nodes:
                assert node.get("/patroni")[0] in (200, 503) and node.get("/cluster")[0] == 200 and node.get("/metrics")[0] == 200
    for node in herd.nodes:
        sizes = {name: pss(pid) for name, pid in processes_of(node).items()}
        print(f"{node.name}: {sum(sizes.values()) / MB:.1f} MB PSS ({', '.join(f'{name} {size / MB:.1f}' for name, size in sizes.items())})")
        assert sum(sizes.values()) < LIMIT_MB * MB


@pytest.mark.long  # a loaded machine makes every wake-up dearer
def test_idle_cpu_of_a_node(herd):
    seconds = 60
    herd.wait_healthy(60)
    pids = [processes_of(node) for node in herd.nodes]
    before = [{name: cpu_seconds(pid) for name, pid in found.items()} for found in pids]
    time.sleep(seconds)  # the thing measured is what happens while nothing happens
    for node, found, past in zip(herd.nodes, pids, before):
        used = {name: (cpu_seconds(pid) - past[name]) / seconds for name, pid in found.items()}
        print(f"{node.name}: {sum(used.values()) * 100:.2f} % of a core ({', '.join(f'{name} {share * 100:.2f}' for name, share in used.items())})")
        assert sum(used.values()) < IDLE_LIMIT
