"""Bad days of the embedded store: each has a clear end, names the thing and what to do, and overwrites nothing."""
import hashlib
import os
import shutil
import subprocess

import pytest
from herd import system
from herd.witness import StoreHerd


@pytest.fixture
def herd(build):
    with StoreHerd(build) as herd:
        yield herd


def wait_for_log(store, text, deadline_s=30):
    system.wait_until(lambda: text in store.log.read_text(), deadline_s, f"{store.name} says '{text}':\n{store.tail()}")


def content(directory):
    """Every file below it with its bytes; what a store must not have changed. The lock has no content."""
    return {path.relative_to(directory): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*")) if path.is_file() and path.name != "lock"}


def expect_refusal(store, *words, deadline_s=30):
    """Starts it: it must end with code 78, having said all of the words, with its directory as it was."""
    directory = store.directory / "consensus"
    before = content(directory)
    log_before = len(store.log.read_text()) if store.log.exists() else 0
    store.start()
    assert store.process.wait(deadline_s) == 78
    said = store.log.read_text()[log_before:]
    for word in words:
        assert word in said, said
    assert content(directory) == before
    store.process = None


def test_a_wrong_secret_is_refused_and_named(herd):
    first, second, third = herd.stores
    third.extra = {"embedded": {"secret": "not-the-secret-of-the-others"}}
    for store in herd.stores:
        store.start()
    wait_for_log(first, f"which calls itself {third.name}")
    wait_for_log(third, "embedded.secret")
    assert not any(herd.status(store).get("has_leader") for store in herd.stores)
    # It tries many times a second; that is said once in a while.
    assert all(store.log.read_text().count("refused a connection") <= 4 for store in herd.stores)
    for store in herd.stores:
        assert herd.secret not in store.log.read_text() and "not-the-secret" not in store.log.read_text()
    third.kill_everything()
    third.extra = {}
    third.start()
    herd.wait_voters(3)


def test_a_member_whose_secret_changed_is_named_while_the_others_serve(herd):
    herd.start()
    third = herd.stores[2]
    third.kill_everything()
    third.extra = {"embedded": {"secret": "mistyped"}}
    third.start()
    wait_for_log(herd.stores[0], f"which calls itself {third.name}")
    leader = herd.wait_voters(2)
    herd.put(leader, "k", "v")
    third.kill_everything()
    third.extra = {}
    third.start()
    herd.wait_voters(3)


def test_different_lists_form_nothing(herd):
    third = herd.stores[2]
    third.extra = {"embedded": {"peers": [f"{herd.stores[0].host}:{herd.stores[0].raft_port}"]}}
    for store in herd.stores:
        store.start()
    assert third.process.wait(30) == 78
    said = third.log.read_text()
    assert "the lists of nodes differ" in said and "embedded.peers" in said
    assert all(f":{store.raft_port}" in said for store in herd.stores)  # both lists are shown
    for store in herd.stores:
        store.destroy()
    third.extra = {}
    herd.start()


def test_a_wiped_node_comes_back_as_a_new_member(herd):
    herd.start()
    wiped = herd.stores[0]
    herd.put(wiped, "k", "v")
    before = {member["name"]: member["id"] for member in herd.status(wiped)["members"]}
    wiped.kill_everything()
    shutil.rmtree(wiped.directory / "consensus")
    wiped.start()
    leader = herd.wait_voters(3)
    after = {member["name"]: member["id"] for member in herd.status(leader)["members"]}
    assert after.keys() == before.keys() and after[wiped.name] != before[wiped.name]
    system.wait_until(lambda: herd.value_of(wiped, "k") == "v", 20, "the wiped node has the data again")


def damage(path, offset=None):
    data = bytearray(path.read_bytes())
    at = len(data) // 2 if offset is None else offset
    data[at:at + 8] = b"\xa5" * 8
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("what", ["identity", "no identity", "no log", "log", "metadata"])
def test_a_corrupt_consensus_directory_is_named_and_left_alone(herd, what):
    herd.start()
    victim = herd.stores[1]
    for number in range(50):
        herd.put(victim, f"k{number}", "v" * 200)
    victim.kill_everything()
    directory = victim.directory / "consensus"
    raft = directory / "raft"
    if what == "identity":
        damage(directory / "identity.json", 1)
        words = ["identity.json is damaged"]
    elif what == "no identity":
        (directory / "identity.json").unlink()
        words = ["identity.json is missing"]
    elif what == "no log":
        shutil.rmtree(raft)
        words = ["the log of that cluster is not in"]
    elif what == "metadata":
        for path in raft.glob("metadata*"):
            damage(path, 0)
        words = ["cannot be used", "metadata"]
    else:
        # Entries that were acknowledged, in the middle of the log.
        segment = max((path for path in raft.iterdir() if path.name.startswith("open-")), key=lambda path: path.read_bytes().rstrip(b"\0").__len__())
        damage(segment, 2_000)
        words = ["cannot be used", segment.name]
    expect_refusal(victim, *words, "Nothing was changed", "matriarch store remove", "move")
    # The others serve; what the message says to do helps.
    herd.wait_voters(2)
    shutil.move(directory, victim.directory / "consensus.damaged")
    victim.start()
    herd.wait_voters(3)


@pytest.fixture
def small_disk(herd):
    """Mounts a small file system; needs root. Unmounted before the herd is removed."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mounted = []

    def mount(directory, megabytes):
        owner = directory.parent.stat()
        directory.mkdir()
        done = system.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}", "tmpfs", directory])
        if done.returncode != 0:
            pytest.skip(f"cannot mount here: {done.stderr}")
        mounted.append(directory)

    yield mount
    for store in herd.stores:
        store.destroy()
    for directory in mounted:
        subprocess.run(["umount", "-l", directory], check=True)


def test_a_full_disk_is_refused_at_the_start(herd, small_disk):
    victim = herd.stores[0]
    small_disk(victim.directory / "consensus", 8)
    expect_refusal(victim, "consensus directory", "MiB left", "make room")


def test_a_disk_that_fills_up_costs_one_member_which_says_so(herd, small_disk):
    victim = herd.stores[0]
    directory = victim.directory / "consensus"
    small_disk(directory, 64)
    herd.start()
    ballast = directory / "ballast"
    with open(ballast, "wb") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            pass  # full, as meant
    assert victim.process.wait(30) == 1
    assert f"the disk of the consensus directory {directory} is full" in victim.tail(), victim.tail()
    expect_refusal(victim, "MiB left", "make room")  # as a service manager would start it again
    # The others went on; with room it comes back.
    leader = herd.wait_voters(2)
    herd.put(leader, "k", "v")
    ballast.unlink()
    victim.start()
    herd.wait_voters(3)
    system.wait_until(lambda: herd.value_of(victim, "k") == "v", 20, "it has what it missed")
