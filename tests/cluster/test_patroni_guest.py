"""A Python Patroni 4 takes part in a cluster of Matriarch, with `etcd3:` pointing at the embedded store.

Patroni is Debian's newest package, unpacked aside by scripts/fetch-patroni. Its configuration is that of a Matriarch node but
for the store's section.
"""
import os
import signal
import subprocess
import time

import pytest
from herd import patroni, system
from herd.node import Node
from herd.witness import WitnessedHerd
from herd.writer import Writer, lost_writes, prepare, two_writers

pytestmark = pytest.mark.long

# Patroni's least ttl, which counts as soon as one Patroni takes part (docs/configuration.md).
TIMING = {"ttl": 20, "loop_wait": 2, "retry_timeout": 3}


class Guest(Node):
    """A node that Patroni runs."""

    def settings(self):
        tree = super().settings()
        del tree["embedded"]
        hosts = [f"{node.host}:{node.store_port}" for node in self.herd.voters]
        tree["etcd3"] = {"hosts": hosts}
        return tree

    def start(self):
        self.write_settings()
        code = self.herd.patroni
        environment = os.environ | {"PYTHONPATH": str(code / "usr/lib/python3/dist-packages"), "PYTHONDONTWRITEBYTECODE": "1"}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*system.unprivileged(), "/usr/bin/python3", str(code / "usr/bin/patroni"), str(self.file)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.directory, start_new_session=True, env=environment)

    def family(self):
        """Patroni's PostgreSQL is no child of Patroni."""
        postmaster = self.postmaster()
        return system.family(self.process.pid) + (system.family(postmaster) if postmaster and system.is_alive(postmaster) else [])

    def kill_everything(self):
        at = time.monotonic()
        system.send(self.family(), signal.SIGSTOP)
        pids = self.family()
        system.send(pids, signal.SIGKILL)
        self.process.wait(10)
        system.wait_until(lambda: not any(system.is_alive(pid) for pid in pids), 10, "every process of the guest is gone")
        self.process = None
        return at

    def destroy(self):
        if self.process is not None:
            self.kill_everything()


class MixedHerd(WitnessedHerd):
    """Two nodes of Matriarch and a witness, and a guest that joins later."""

    def __init__(self, build, **options):
        super().__init__(build, dynamic=TIMING | {"maximum_lag_on_failover": 1 << 20}, scope="mixed", **options)
        self.patroni = self.work / "patroni"
        self.version = patroni.fetch(self.patroni)
        self.guest = Guest(self, 4)

    def let_guest_in(self):
        self.nodes.append(self.guest)
        self.guest.start()


@pytest.fixture(scope="module")
def herd(build):
    with MixedHerd(build) as herd:
        print(f"Patroni {herd.version}")
        herd.start(90)
        prepare(herd.leader())
        yield herd


def switch_to(herd, target):
    leader = herd.leader()
    done = herd.ctl("switchover", herd.scope, "--leader", leader.name, "--candidate", target.name, "--force", node=herd.nodes[0], timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    system.wait_until(lambda: herd.leader() is target, 60, f"{target.name} leads{herd.diagnosis}")
    herd.wait_healthy(120)


def test_patroni_joins_leads_and_is_succeeded(herd):
    guest = herd.guest
    herd.let_guest_in()
    herd.wait_healthy(120)  # a replica that streams
    assert guest.get("/replica")[0] == 200
    listed = herd.ctl("list", "--json", node=herd.nodes[0])
    assert guest.name in listed.stdout, listed.stdout + listed.stderr

    writer = Writer(herd.nodes)
    writer.start()
    try:
        writer.wait_for_acks(50, 30)
        switch_to(herd, guest)
        writer.wait_for_acks(50, 30)
        assert writer.acks[-1].node == guest.name

        switch_to(herd, herd.nodes[0])
        writer.wait_for_acks(50, 30)

        # A switchover that Patroni's own tool asks for.
        environment = os.environ | {"PYTHONPATH": str(herd.patroni / "usr/lib/python3/dist-packages")}
        done = system.run(["/usr/bin/python3", str(herd.patroni / "usr/bin/patronictl"), "-c", str(guest.file), "switchover", herd.scope, "--leader",
                           herd.nodes[0].name, "--candidate", guest.name, "--force"], env=environment, timeout=90)
        assert done.returncode == 0, done.stdout + done.stderr
        system.wait_until(lambda: herd.leader() is guest, 60, f"the guest leads{herd.diagnosis}")
        herd.wait_healthy(120)
        writer.wait_for_acks(50, 30)

        # The guest vanishes; a Matriarch takes over when its lease is over, and the guest comes back as a replica.
        guest.kill_everything()
        herd.wait_leader(90, other_than=guest)
        writer.wait_for_acks(50, 60)
        guest.start()
        herd.wait_healthy(120)
        assert guest.get("/replica")[0] == 200

        # A Matriarch that leads vanishes: either of the others takes over.
        leader = herd.leader()
        leader.kill_everything()
        herd.wait_leader(90, other_than=leader)
        writer.wait_for_acks(50, 60)
        leader.start()
        herd.wait_healthy(120)
    finally:
        writer.stop()
    assert two_writers([writer]) == []
    # Asynchronous: only the two losses of a node may have cost commits, those that no replica had received.
    lost = lost_writes([writer], herd.leader())
    print(f"{len(writer.acks)} acknowledged, {len(lost)} lost")
    assert len(writer.acks) > 300
    assert len({node.status()["timeline"] for node in herd.nodes}) == 1
