"""Clients around a fault, and the verdict on what they saw."""
import threading
import time

from .writer import Writer, lost_writes, two_writers

# No longer than a writer waits anyway on a busy machine: what is longer was an interruption.
UNNOTICED_S = 0.5


class Canary(threading.Thread):
    """How long this machine makes a program wait for its turn at worst: what a deadline of milliseconds must allow for."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopping, self.worst_s = threading.Event(), 0.0

    def run(self):
        while not self.stopping.is_set():
            began = time.monotonic()
            self.stopping.wait(0.001)
            self.worst_s = max(self.worst_s, time.monotonic() - began - 0.001)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.stopping.set()
        self.join(10)


class Watch:
    """Writers through every node at once: one as a client would, one pinned to each node, which must not get a word in edgeways.

    `beside`: nodes whose pinned client sits in the node's own network, so that it goes on reaching it when the node is cut off.
    """

    def __init__(self, herd, beside=()):
        self.herd = herd
        base = time.monotonic_ns()
        self.client = Writer(herd.nodes, first_id=base)
        self.pinned = {
            node.name: Writer([node], pause_s=0.005, first_id=base + (i + 1) * 10**13, patience_s=None, again_after_s=0.02,
                              namespace=node.place.namespace if node in beside else None)
            for i, node in enumerate(herd.nodes)}
        self.writers = [self.client, *self.pinned.values()]

    def __enter__(self):
        for writer in self.writers:
            writer.start()
        self.client.wait_for_acks(100, 30)
        return self

    def __exit__(self, kind, error, trace):
        self.stop()

    def stop(self):
        for writer in self.writers:
            writer.stop()

    def heal(self):
        """Waits until clients are served again and the herd is whole; then the writers end."""
        self.client.wait_for_acks(50, 60)
        self.herd.wait_healthy(90)
        self.stop()

    def judge(self, two_writers_are_known=False, nothing_may_be_lost=False):
        """After the fault: heals, then nothing may have gone wrong. Asynchronous replication loses commits only with a node."""
        self.heal()
        assert sum(len(writer.acks) for writer in self.writers) > 200, "too few writes to show anything"
        if not two_writers_are_known:
            assert two_writers(self.writers) == []
        if nothing_may_be_lost or self.herd.dynamic["synchronous_mode"]:
            assert lost_writes(self.writers, self.herd.leader()) == []
        assert len({node.status()["timeline"] for node in self.herd.nodes}) == 1

    def late_acks(self, node, woken):
        """Commits that a node acknowledged on an outdated timeline after it had been woken: sent or acknowledged later than that."""
        acks = [ack for writer in self.writers for ack in writer.acks]
        newest = max(ack.timeline for ack in acks)
        return [ack for ack in acks if ack.node == node.name and ack.timeline < newest and ack.acknowledged > woken]
