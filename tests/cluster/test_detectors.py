"""The detectors catch known culprits: a test that cannot fail shows nothing."""
from herd.writer import Ack, Writer, lost_writes, two_writers


class Recorded:
    """Stands for a writer with invented records."""

    def __init__(self, acks):
        self.acks = acks


class NodeWith:
    def __init__(self, ids):
        self.ids = ids

    def query(self, sql):
        assert "acknowledged" in sql
        return [(i,) for i in self.ids]


def test_two_nodes_on_one_timeline_are_two_writers():
    acks = [Ack(1, "n1", 2, 0.0, 0.1), Ack(2, "n2", 2, 0.2, 0.3)]
    assert two_writers([Recorded(acks)])


def test_a_late_acknowledgement_on_the_old_timeline_is_two_writers():
    old = [Ack(1, "n1", 1, 0.0, 0.1), Ack(2, "n1", 1, 0.6, 0.7)]
    new = [Ack(3, "n2", 2, 0.4, 0.5)]
    evidence = two_writers([Recorded(old), Recorded(new)])
    assert len(evidence) == 1 and "n1" in evidence[0]


def test_a_commit_on_its_way_when_the_new_primary_began_is_not():
    old = [Ack(1, "n1", 1, 0.0, 0.1), Ack(2, "n1", 1, 0.3, 0.7)]
    new = [Ack(3, "n2", 2, 0.4, 0.5)]
    assert not two_writers([Recorded(old), Recorded(new)])


def test_a_commit_that_waited_and_is_acknowledged_long_after_the_new_primary_began_is_two_writers():
    old = [Ack(1, "n1", 1, 0.0, 0.1), Ack(2, "n1", 1, 0.3, 1.7)]
    new = [Ack(3, "n2", 2, 0.4, 0.5)]
    evidence = two_writers([Recorded(old), Recorded(new)])
    assert len(evidence) == 1 and "answered +1.200 s" in evidence[0]


def test_handing_leadership_back_and_forth_is_not():
    acks = [Ack(1, "n1", 1, 0.0, 0.1), Ack(2, "n2", 2, 0.2, 0.3), Ack(3, "n1", 3, 0.4, 0.5)]
    assert not two_writers([Recorded(acks)])


def test_a_lost_write_is_named():
    acks = [Ack(i, "n1", 1, 0.0, 0.1) for i in range(5)]
    assert lost_writes([Recorded(acks)], NodeWith([0, 1, 3, 4])) == [2]


def test_a_gap_is_the_longest_silence_after_the_moment():
    writer = Writer.__new__(Writer)
    writer.acks = [Ack(i, "n1", 1, t, t) for i, t in enumerate([0.0, 1.0, 1.1, 1.2, 3.2, 3.3])]
    assert abs(writer.gap_after(1.15) - 2.0) < 1e-9
