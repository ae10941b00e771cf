"""Two nodes with PostgreSQL and a witness: the loss of any one of the three is survived."""
import re
from pathlib import Path

import pytest
from herd import system
from herd.witness import WitnessedHerd
from herd.writer import Writer, lost_writes, prepare, two_writers


def proportional_set_size_kb(pid):
    return int(re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1))


@pytest.fixture(scope="module")
def herd(build):
    with WitnessedHerd(build, dynamic={"synchronous_mode": True}, scope="witnessed") as herd:
        herd.start(90)
        prepare(herd.leader())
        yield herd


@pytest.mark.parametrize("victim", ["primary", "standby", "witness"])
def test_loss_of_any_one(herd, victim):
    leader = herd.leader()
    lost = {"primary": leader, "standby": herd.replicas()[0], "witness": herd.witness}[victim]
    writer = Writer(herd.nodes, first_id={"primary": 1, "standby": 10**6, "witness": 2 * 10**6}[victim])
    writer.start()
    try:
        writer.wait_for_acks(50, 30)
        lost.kill_everything()
        if victim == "primary":
            herd.wait_leader(30, other_than=leader)
        writer.wait_for_acks(100, 30)  # without it
        if victim != "primary":
            assert herd.leader() is leader
        lost.start()
        herd.wait_healthy(90)
        status = herd.ctl("store", "status", node=herd.leader())
        assert status.returncode == 0, status.stdout + status.stderr
        system.wait_until(lambda: "does not answer" not in herd.ctl("store", "status", node=herd.leader()).stdout, 20, "all three vote again")
        writer.wait_for_acks(50, 30)
    finally:
        writer.stop()
    assert two_writers([writer]) == []
    assert lost_writes([writer], herd.leader()) == []


def test_the_witness_is_small_and_runs_no_postgres(herd):
    pids = system.family(herd.witness.process.pid)
    assert not [pid for pid in pids if "postgres" in system.command_line(pid).split(" ")[0] or "matriarch agent" in system.command_line(pid)]
    memory = sum(proportional_set_size_kb(pid) for pid in pids)
    print(f"witness: {memory} kB")
    assert memory < 10_000
    status = herd.ctl("store", "status", node=herd.nodes[0]).stdout
    assert re.search(rf"{herd.witness.name}\b.*witness", status), status
