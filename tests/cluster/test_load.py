"""A starved machine: sixteen programs that only burn CPU are no reason for a failover."""
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from herd import system
from herd.cluster import Herd
from herd.writer import Writer, lost_writes, prepare, two_writers

REAL_TIME = ["sys_nice", "ipc_lock"]


@contextmanager
def hogs(count):
    """Each in a session of its own, so that none shares its turn at the processor with another."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True, **system.as_nobody()) for _ in range(count)]
    try:
        yield
    finally:
        for hog in started:
            hog.kill()
        for hog in started:
            hog.wait(10)


def runs_in_real_time(pid):
    return any(int((system.Path(f"/proc/{pid}/task") / task / "stat").read_text().rsplit(")", 1)[1].split()[38]) == os.SCHED_FIFO
               for task in os.listdir(f"/proc/{pid}/task"))


@pytest.mark.parametrize("seconds", [60, pytest.param(600, marks=pytest.mark.long)])
@pytest.mark.parametrize("privileged", [False, True], ids=["unprivileged", "real-time"])
def test_sixteen_hogs_are_no_failover(build, privileged, seconds):
    if privileged and os.geteuid() != 0:
        pytest.skip("real-time privileges are granted by root")
    with Herd(build, dynamic={"synchronous_mode": True}, scope="hogs", capabilities=REAL_TIME if privileged else ()) as herd:
        herd.start(90)
        leader = herd.leader()
        prepare(leader)
        assert runs_in_real_time(leader.guardian()) == privileged
        timeline, postmaster = leader.status()["timeline"], leader.postmaster()
        writer = Writer(herd.nodes, pause_s=0.01, patience_s=20)
        writer.start()
        writer.wait_for_acks(50, 30)
        began = time.monotonic()
        with hogs(16):
            while (left := began + seconds - time.monotonic()) > 0:
                writer.wait_for_acks(1, 30)  # clients are served all the time
                writer.stopping.wait(min(left, 1))
            gap = writer.gap_after(began)
        writer.stop()
        herd.wait_healthy(90)
        print(f"{len(writer.acks)} commits, longest silence {gap * 1000:.0f} ms, load {os.getloadavg()[0]:.1f}")
        assert len(writer.acks) > seconds, "too few writes to show anything"
        assert herd.leader() is leader and leader.postmaster() == postmaster
        assert leader.status()["timeline"] == timeline
        assert two_writers([writer]) == [] and lost_writes([writer], leader) == []
