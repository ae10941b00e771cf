"""A steady writer that records every acknowledged commit, and what may be concluded from its records."""
import threading
import time
from typing import NamedTuple

import psycopg2

INSERT = ("INSERT INTO acknowledged (id, node) VALUES (%s, %s) "
          "RETURNING ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int")
TABLE = "CREATE TABLE IF NOT EXISTS acknowledged (id bigint PRIMARY KEY, node text, at timestamptz DEFAULT clock_timestamp())"


class Ack(NamedTuple):
    id: int
    node: str
    timeline: int
    sent: float  # on the monotonic clock
    acknowledged: float


class Writer(threading.Thread):
    """Writes row after row to whichever node lets it, as a client with a list of hosts does.

    `acks` holds one Ack for every commit that was acknowledged.
    """

    def __init__(self, nodes, pause_s=0.002, first_id=1, step=1):
        super().__init__(daemon=True)
        self.nodes, self.pause_s, self.step = list(nodes), pause_s, step
        self.next_id = first_id
        self.acks, self.errors = [], []
        self.stopping = threading.Event()

    def dsn(self):
        hosts = ",".join(node.host for node in self.nodes)
        ports = ",".join(str(node.postgres_port) for node in self.nodes)
        first = self.nodes[0].dsn().split()
        rest = " ".join(part for part in first if not part.startswith(("host=", "port=")))
        return f"host={hosts} port={ports} {rest} target_session_attrs=read-write options='-c statement_timeout=3000'"

    def run(self):
        connection = None
        while not self.stopping.is_set():
            try:
                if connection is None:
                    connection = psycopg2.connect(self.dsn())
                    connection.autocommit = True
                    port = connection.info.port
                    node = next(node.name for node in self.nodes if node.postgres_port == port)
                sent = time.monotonic()
                with connection.cursor() as cursor:
                    cursor.execute(INSERT, (self.next_id, node))
                    timeline = cursor.fetchone()[0]
                self.acks.append(Ack(self.next_id, node, timeline, sent, time.monotonic()))
                self.next_id += self.step
                self.stopping.wait(self.pause_s)
            except psycopg2.Error as error:
                self.errors.append((time.monotonic(), str(error).strip()))
                # The fate of that row is unknown: it is never written again, and it does not count as acknowledged.
                self.next_id += self.step
                if connection is not None:
                    try:
                        connection.close()
                    except psycopg2.Error:
                        pass
                connection = None
                self.stopping.wait(0.005)

    def stop(self):
        self.stopping.set()
        self.join(15)
        if self.is_alive():
            raise RuntimeError("the writer does not stop")

    def wait_for_acks(self, count, deadline_s=15):
        """Waits until `count` more commits have been acknowledged."""
        target, end = len(self.acks) + count, time.monotonic() + deadline_s
        while len(self.acks) < target:
            if time.monotonic() > end:
                raise TimeoutError(f"only {len(self.acks) - target + count} of {count} commits in {deadline_s} s; last errors: {self.errors[-3:]}")
            self.stopping.wait(0.01)

    def gap_after(self, moment):
        """What a client sees of a fault at `moment`: the longest silence between two acknowledgements from then on, in seconds."""
        times = [ack.acknowledged for ack in self.acks]
        before = max((t for t in times if t <= moment), default=moment)
        window = [before] + [t for t in times if t > moment]
        return max((later - earlier for earlier, later in zip(window, window[1:])), default=float("inf"))

    def longest_gap(self, since):
        times = [since] + [ack.acknowledged for ack in self.acks if ack.acknowledged >= since]
        return max((later - earlier for earlier, later in zip(times, times[1:])), default=float("inf"))


def prepare(node):
    connection = node.connect()
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    connection.close()


def lost_writes(writers, node):
    """Acknowledged ids that the node does not have."""
    present = {row[0] for row in node.query("SELECT id FROM acknowledged")}
    return sorted(ack.id for writer in writers for ack in writer.acks if ack.id not in present)


def two_writers(writers):
    """Evidence that two nodes acknowledged commits at once, as sentences; empty when there is none.

    Each acknowledgement carries the timeline it was made on, which a promotion always makes larger. So a timeline belongs to
    one node, and nothing sent after a newer timeline's first acknowledgement may be acknowledged on an older one.
    """
    acks = sorted((ack for writer in writers for ack in writer.acks), key=lambda ack: ack.acknowledged)
    evidence, owner, first = [], {}, {}
    for ack in acks:
        if owner.setdefault(ack.timeline, ack.node) != ack.node:
            evidence.append(f"timeline {ack.timeline}: {owner[ack.timeline]} and {ack.node} both acknowledged commits")
            owner[ack.timeline] = ack.node
        first.setdefault(ack.timeline, ack)
    for ack in acks:
        newer = [f for timeline, f in first.items() if timeline > ack.timeline and ack.sent > f.acknowledged]
        if newer:
            evidence.append(f"{ack.node} acknowledged on timeline {ack.timeline}, {ack.sent - newer[0].acknowledged:.3f} s after "
                            f"{newer[0].node} had begun timeline {newer[0].timeline}")
    return evidence
