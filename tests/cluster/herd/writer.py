"""A steady writer that records every acknowledged commit, and what may be concluded from its records."""
import os
import select
import threading
import time
from typing import NamedTuple

import psycopg2
import psycopg2.extensions

from . import network

INSERT = ("INSERT INTO acknowledged (id, node) VALUES (%s, %s) "
          "RETURNING ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int")
TABLE = "CREATE TABLE IF NOT EXISTS acknowledged (id bigint PRIMARY KEY, node text, at timestamptz DEFAULT clock_timestamp())"


class Ack(NamedTuple):
    id: int
    node: str
    timeline: int
    sent: float  # on the monotonic clock
    acknowledged: float


class Late(Exception):
    """The server did not answer in time."""


class Stopped(Exception):
    """The writer is to end."""


class Writer(threading.Thread):
    """Writes row after row to whichever node lets it, as a client with a list of hosts does.

    `acks` holds one Ack for every commit that was acknowledged. A statement without an answer is given up after `patience_s`;
    None waits for it until the writer is stopped, so that even the answer of a node that was frozen meanwhile is recorded.
    With `namespace` the client sits in that network namespace: beside a node that is cut off.
    """

    CONNECT_PATIENCE_S = 1.0

    def __init__(self, nodes, pause_s=0.002, first_id=1, step=1, patience_s=3.0, again_after_s=0.005, namespace=None):
        super().__init__(daemon=True)
        self.nodes, self.pause_s, self.step, self.patience_s, self.again_after_s = list(nodes), pause_s, step, patience_s, again_after_s
        self.namespace, self.failure = namespace, None
        self.next_id, self.turn = first_id, 0
        self.acks, self.errors = [], []
        self.stopping = threading.Event()
        self.interrupt, self.interrupter = os.pipe()

    # ---- the thread ----

    def run(self):
        try:
            if self.namespace:
                network.enter(self.namespace)
            self.write_until_stopped()
        except Stopped:
            pass
        except Exception as error:  # told by stop(): a writer that died wrote less than planned
            self.failure = error

    def write_until_stopped(self):
        connection, node = None, None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    node = self.nodes[self.turn % len(self.nodes)]
                    connection = self.connect(node)
                self.write(connection, node)
                self.pause(self.pause_s)
            except (psycopg2.Error, Late) as error:
                self.errors.append((time.monotonic(), f"{node.name}: {str(error).strip()}"))
                # The fate of that row is unknown: it is never written again, and it does not count as acknowledged.
                self.next_id += self.step
                if connection is not None:
                    connection.close()
                connection = None
                self.turn += 1
                if self.turn % len(self.nodes) == 0:
                    self.pause(self.again_after_s)

    def connect(self, node):
        connection = psycopg2.connect(node.dsn() + " target_session_attrs=read-write", async_=True)
        try:
            self.await_answer(connection, self.CONNECT_PATIENCE_S)
        except BaseException:
            connection.close()
            raise
        return connection

    def write(self, connection, node):
        sent = time.monotonic()
        cursor = connection.cursor()
        cursor.execute(INSERT, (self.next_id, node.name))
        self.await_answer(connection, self.patience_s)
        acknowledged = time.monotonic()
        self.acks.append(Ack(self.next_id, node.name, cursor.fetchone()[0], sent, acknowledged))
        self.next_id += self.step

    def await_answer(self, connection, patience_s):
        end = None if patience_s is None else time.monotonic() + patience_s
        while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
            wanted = select.POLLIN if state == psycopg2.extensions.POLL_READ else select.POLLOUT
            self.wait_for(connection.fileno(), wanted, end)

    def wait_for(self, fd, wanted, end):
        poller = select.poll()
        poller.register(self.interrupt, select.POLLIN)
        if fd is not None:
            poller.register(fd, wanted)
        ready = poller.poll(None if end is None else max(0, (end - time.monotonic()) * 1000))
        if any(found == self.interrupt for found, _ in ready):
            raise Stopped
        if not ready and fd is not None:
            raise Late(f"no answer within {self.patience_s} s")

    def pause(self, seconds):
        if seconds > 0:
            self.wait_for(None, 0, time.monotonic() + seconds)

    # ---- from outside ----

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.stop()

    def stop(self):
        if self.interrupter is None:
            return
        self.stopping.set()
        os.write(self.interrupter, b"x")
        self.join(15)
        if self.is_alive():
            raise RuntimeError("the writer does not stop")
        for end in (self.interrupt, self.interrupter):
            os.close(end)
        self.interrupt = self.interrupter = None
        if self.failure is not None:
            raise RuntimeError(f"the writer broke: {self.failure!r}") from self.failure

    def wait_for_acks(self, count, deadline_s=15):
        """Waits until `count` more commits have been acknowledged."""
        target, end = len(self.acks) + count, time.monotonic() + deadline_s
        while len(self.acks) < target:
            if time.monotonic() > end or not self.is_alive():
                raise TimeoutError(f"only {len(self.acks) - target + count} of {count} commits in {deadline_s} s; last errors: {self.errors[-3:]}")
            self.stopping.wait(0.01)

    def gap_after(self, moment, until=float("inf")):
        """What a client sees of a fault at `moment`: the longest silence between two acknowledgements from then on, in seconds."""
        times = [ack.acknowledged for ack in self.acks if ack.acknowledged <= until]
        before = max((t for t in times if t <= moment), default=moment)
        window = [before] + [t for t in times if t > moment]
        return max((later - earlier for earlier, later in zip(window, window[1:])), default=float("inf"))

    def silences(self, longer_than_s):
        """Every stretch of so much time without an acknowledgement, as (began, ended)."""
        times = [ack.acknowledged for ack in self.acks]
        return [(earlier, later) for earlier, later in zip(times, times[1:]) if later - earlier > longer_than_s]


def prepare(node):
    connection = node.connect()
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    connection.close()


def lost_writes(writers, node):
    """Acknowledged ids that the node does not have."""
    present = {row[0] for row in node.query("SELECT id FROM acknowledged")}
    return sorted(ack.id for writer in writers for ack in writer.acks if ack.id not in present)


# An acknowledgement that was on its way when the next primary began is read this much later at most.
ON_ITS_WAY_S = 1.0


def two_writers(writers):
    """Evidence that two nodes acknowledged commits at once, as sentences; empty when there is none.

    Each acknowledgement carries the timeline it was made on, which a promotion always makes larger. So a timeline belongs to
    one node, and nothing sent after a newer timeline's first acknowledgement may be acknowledged on an older one. What was sent
    before may still be on its way to the client, but not for long.
    """
    acks = sorted((ack for writer in writers for ack in writer.acks), key=lambda ack: ack.acknowledged)
    evidence, owner, first = [], {}, {}
    for ack in acks:
        if owner.setdefault(ack.timeline, ack.node) != ack.node:
            evidence.append(f"timeline {ack.timeline}: {owner[ack.timeline]} and {ack.node} both acknowledged commits")
            owner[ack.timeline] = ack.node
        first.setdefault(ack.timeline, ack)
    for ack in acks:
        for newer in (newer for timeline, newer in first.items() if timeline > ack.timeline):
            if ack.sent > newer.acknowledged or ack.acknowledged > newer.acknowledged + ON_ITS_WAY_S:
                evidence.append(f"{ack.node} acknowledged on timeline {ack.timeline} what was sent {ack.sent - newer.acknowledged:+.3f} s and answered "
                                f"{ack.acknowledged - newer.acknowledged:+.3f} s from the moment {newer.node} had begun timeline {newer.timeline}")
                break
    return evidence
