"""`matriarch store ...` against real stores: members, backup, and what is left when the quorum is lost."""
import json
import shutil
import signal

import pytest
from herd import system
from herd.witness import StoreHerd


@pytest.fixture
def herd(build):
    with StoreHerd(build, spares=2) as herd:
        herd.start()
        yield herd


def leader_and_others(herd):
    leader = herd.wait_voters(3)
    return leader, [store for store in herd.stores if store is not leader]


def test_status_add_and_remove(herd):
    leader, others = leader_and_others(herd)
    shown = herd.command(others[0], "status")  # not the leader: asks the others whether they are there
    assert shown.returncode == 0, shown.stderr
    assert all(store.name in shown.stdout for store in herd.stores)
    assert "leader" in shown.stdout and "does not answer" not in shown.stdout

    # Its own list names nobody that is a member; the invitation lets it in.
    first, second = herd.spares
    first.extra = {"embedded": {"peers": [f"127.0.0.1:{herd.ports.take()}", f"{first.host}:{first.raft_port}"]}}
    first.start()
    system.wait_until(lambda: "waiting for" in herd.status(first).get("obstacle", ""), 20, "the newcomer says what it waits for")
    waiting = herd.command(first, "status")
    assert waiting.returncode == 1 and "NO MEMBER" in waiting.stdout
    added = herd.command(leader, "add", f"{first.host}:{first.raft_port}")
    assert added.returncode == 0, added.stderr
    assert any(member["address"].endswith(f":{first.raft_port}") for member in herd.status(leader)["members"])
    again = herd.command(leader, "add", f"{first.host}:{first.raft_port}")
    assert again.returncode == 0, again.stderr
    second.start()  # names members: joins by itself
    herd.wait_voters(5)

    declined = herd.command(leader, "remove", first.name, answer="n\n")
    assert declined.returncode == 1 and "loses its vote" in declined.stdout
    leader = herd.wait_voters(5)
    for gone in (first, second):
        removed = herd.command(leader, "remove", "--force", gone.name)
        assert removed.returncode == 0, removed.stderr
        leader = next(store for store in herd.stores if store.name == leader.name)
    assert first.process.wait(30) == 78
    assert "was taken out of the cluster" in first.log.read_text()
    herd.wait_voters(3)


def test_wrong_names_and_addresses_are_named(herd):
    leader, _ = leader_and_others(herd)
    unknown = herd.command(leader, "remove", "--force", "n9")
    assert unknown.returncode == 1 and "no member has the name, address or id 'n9'" in unknown.stderr
    silent = f"127.0.0.1:{herd.ports.take()}"
    for address, complaint in (("nonsense", "not an address"), (silent, "was not reached")):
        added = herd.command(leader, "add", address)
        assert added.returncode == 1 and complaint in added.stderr, added.stderr


def test_a_step_that_would_lose_the_quorum_is_refused(herd):
    leader, (dead, alive) = leader_and_others(herd)
    dead.kill_everything()

    def refused():
        removed = herd.command(leader, "remove", "--force", alive.name)
        assert removed.returncode == 1, "a living voter of two was taken out"
        return "no majority" in removed.stderr

    # Until it counts as dead the leader may still say that it cannot be done at the moment.
    system.wait_until(refused, 20, "the removal is refused for the quorum's sake")
    system.wait_until(lambda: "does not answer" in herd.command(leader, "status").stdout, 20, "the leader says who does not answer")
    removed = herd.command(leader, "remove", "--force", dead.name)
    assert removed.returncode == 0, removed.stderr


def test_snapshot_and_restore(herd):
    leader, (other, _) = leader_and_others(herd)
    herd.put(leader, "/service/x/config", "before")
    file = other.directory / "backup"
    written = herd.command(other, "snapshot", str(file))
    assert written.returncode == 0, written.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    assert herd.command(other, "snapshot", str(file)).returncode == 1  # nothing is overwritten by itself

    herd.put(leader, "/service/x/config", "after")
    declined = herd.command(other, "restore", str(file), answer="n\n")
    assert declined.returncode == 1 and "lost" in declined.stdout
    assert herd.value_of(leader, "/service/x/config") == "after"
    restored = herd.command(other, "restore", str(file), answer="y\n")
    assert restored.returncode == 0, restored.stderr
    assert herd.value_of(leader, "/service/x/config") == "before"

    damaged = file.read_bytes()
    file.write_bytes(damaged[:30] + b"\xff" + damaged[31:])
    refused = herd.command(other, "restore", "--force", str(file))
    assert refused.returncode == 1 and "damaged" in refused.stderr, refused.stderr
    assert herd.value_of(leader, "/service/x/config") == "before"


def test_a_lost_quorum_is_recovered_by_hand(herd):
    survivor, lost = leader_and_others(herd)
    herd.put(survivor, "/service/x/config", "kept")
    for store in lost:
        store.kill_everything()
    system.wait_until(lambda: herd.command(survivor, "status").returncode == 1, 20, "the status has no leader")
    shown = herd.command(survivor, "status").stdout
    assert "NO LEADER" in shown and shown.count("does not answer") == 2

    running = herd.command(survivor, "recover", "--force")
    assert running.returncode == 1 and "in use by another process" in running.stderr
    system.send([survivor.process.pid], signal.SIGTERM)
    assert survivor.process.wait(20) == 0
    declined = herd.command(survivor, "recover", answer="n\n")
    assert declined.returncode == 1 and "Lost is whatever the other members acknowledged" in declined.stdout
    recovered = herd.command(survivor, "recover", answer="y\n")
    assert recovered.returncode == 0, recovered.stderr
    survivor.start()
    herd.wait_voters(1)
    assert herd.value_of(survivor, "/service/x/config") == "kept"

    for store in lost:
        shutil.rmtree(store.directory / "consensus")
        store.start()
    herd.wait_voters(3)
    assert len(json.loads(herd.command(survivor, "status", "--json").stdout)["members"]) == 3
