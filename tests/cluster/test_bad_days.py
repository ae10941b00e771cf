"""Bad input and bad days, with the real program: an error that names the thing and what to do, a non-zero exit, nothing overwritten."""
import errno
import hashlib
import os
import socket
import subprocess
from contextlib import ExitStack, contextmanager

import pytest
import yaml
from herd import system
from herd.cluster import Herd
from herd.writer import prepare


@pytest.fixture
def herd(build):
    """Three nodes, none started."""
    with Herd(build, scope="bad", dynamic={"synchronous_mode": False}) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def living(build):
    with Herd(build, scope="bad", dynamic={"synchronous_mode": False}) as cluster:
        cluster.start(90)
        prepare(cluster.leader())
        yield cluster


def fingerprint(directory):
    """What is below a directory, byte by byte."""
    found = {}
    for path in sorted(directory.rglob("*")):
        found[str(path.relative_to(directory))] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else path.stat().st_mode
    return found


def assert_refused(outcome, *words):
    code, text = outcome
    assert code not in (0, None), text
    for word in words:
        assert str(word) in text, f"'{word}' is not in:\n{text}"


@contextmanager
def somebody_on(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(4)
        yield


def run_with(node, text):
    """The outcome of the service with this configuration file."""
    node.write_settings()
    node.file.write_text(text)
    done = system.run([*node.prefix, str(node.herd.programs / "matriarch"), str(node.file)], timeout=30, cwd=node.directory)
    return done.returncode, done.stdout + done.stderr


# ---- the file ------------------------------------------------------------------------------------------------------


def test_a_missing_file(herd):
    node = herd.nodes[0]
    done = system.run([*node.prefix, str(herd.programs / "matriarch"), "/nowhere/node.yml"], timeout=30)
    assert_refused((done.returncode, done.stderr), "/nowhere/node.yml", "No such file")


def test_bad_yaml_is_named_by_line(herd):
    node = herd.nodes[0]
    assert_refused(run_with(node, "scope: bad\nname: n1\npostgresql:\n  listen: [127.0.0.1\n  data_dir: x\n"), "node.yml:5", "not valid YAML")
    assert not node.data.exists()


@pytest.mark.parametrize("path, value", [("postgresql.parameters", "fast"), ("bootstrap.dcs.ttl", "soon"), ("restapi.listen", [8008]),
                                         ("postgresql.use_pg_rewind", "perhaps")])
def test_a_wrong_type_is_named_by_its_key(herd, path, value):
    node = herd.nodes[0]
    tree = node.settings()
    *sections, key = path.split(".")
    section = tree
    for name in sections:
        section = section[name]
    section[key] = value
    assert_refused(run_with(node, yaml.safe_dump(tree)), path)
    assert not node.data.exists()


def test_a_misspelt_key_is_named_with_the_nearest_right_one(herd):
    node = herd.nodes[0]
    tree = node.settings()
    tree["postgresql"]["data_dri"] = tree["postgresql"].pop("data_dir")
    assert_refused(run_with(node, yaml.safe_dump(tree)), "data_dri", "data_dir")


def test_without_a_store_section(herd):
    node = herd.nodes[0]
    tree = node.settings()
    del tree["embedded"]
    assert_refused(run_with(node, yaml.safe_dump(tree)), "embedded", "etcd3")


def test_with_two_store_sections(herd):
    node = herd.nodes[0]
    tree = node.settings()
    tree["etcd3"] = {"host": "127.0.0.1:2379"}
    assert_refused(run_with(node, yaml.safe_dump(tree)), "embedded", "etcd3")


def test_missing_programs(herd):
    node = herd.nodes[0]
    node.extra = {"postgresql": {"bin_dir": "/usr/lib/postgresql/99/bin"}}
    assert_refused(node.run_to_its_end(), "postgresql.bin_dir", "/usr/lib/postgresql/99/bin")
    assert not node.data.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be refused as root")
def test_as_root(herd):
    node = herd.nodes[0]
    node.write_settings()
    done = system.run([str(herd.programs / "matriarch"), str(node.file)], timeout=30)
    assert_refused((done.returncode, done.stderr), "root", "user that owns the data directory")


# ---- what is there already -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["rest_port", "postgres_port", "raft_port", "store_port"])
def test_a_port_in_use(herd, which):
    node = herd.nodes[0]
    port = getattr(node, which)
    with somebody_on(port):
        assert_refused(node.run_to_its_end(), port, "in use")
    assert not node.data.exists()


def test_a_port_of_postgresql_in_use_with_data(living):
    replica = living.replicas()[0]
    replica.stop()
    with somebody_on(replica.postgres_port):
        assert_refused(replica.run_to_its_end(), replica.postgres_port, "in use")
    replica.start()
    living.wait_healthy(60)


def test_the_same_node_twice(living):
    """The second start of a running node disturbs nothing."""
    node = living.replicas()[0]
    done = system.run([*node.prefix, str(living.programs / "matriarch"), str(node.file)], timeout=30, cwd=node.directory)
    assert_refused((done.returncode, done.stderr), node.name, "runs already")
    living.wait_healthy(30)


def test_data_of_another_cluster(living):
    replica = living.replicas()[0]
    replica.stop()
    own = replica.directory / "own-data"
    replica.data.rename(own)
    try:
        subprocess.run([*system.unprivileged(), str(system.POSTGRES_BIN / "initdb"), "-D", str(replica.data), "-N"], check=True, capture_output=True)
        before = fingerprint(replica.data)
        assert_refused(replica.run_to_its_end(60), "system ID mismatch", replica.name)
        assert fingerprint(replica.data) == before
    finally:
        subprocess.run(["rm", "-rf", str(replica.data)], check=True)
        own.rename(replica.data)
        replica.start()
    living.wait_healthy(60)


# ---- a full disk ---------------------------------------------------------------------------------------------------


@contextmanager
def small_disk(path, kilobytes):
    system.owned_directory(path)
    owner = path.stat()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,uid={owner.st_uid},gid={owner.st_gid},mode=0700", "none", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def fill(directory):
    """Takes every block of the disk."""
    fd = os.open(directory / "filler", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except OSError as error:
        assert error.errno == errno.ENOSPC
    finally:
        os.close(fd)


@needs_mount
def test_a_full_disk_for_the_store(herd):
    node = herd.nodes[0]
    disk = node.directory / "consensus"
    with small_disk(disk, 64):
        fill(disk)
        assert_refused(node.run_to_its_end(60), disk, "make room")
        assert not {path.name for path in disk.iterdir()} - {"filler", "lock"}  # an empty file
    assert not node.data.exists()


@needs_mount
def test_a_full_disk_for_the_data(herd):
    """initdb does not fit anywhere: who tries says so, withdraws its claim and gives up."""
    with ExitStack() as disks:
        for node in herd.nodes:
            disk = node.directory / "disk"
            disks.enter_context(small_disk(disk, 8192))
            node.data = disk / "data"
            node.start()
        node = system.wait_until(lambda: next((node for node in herd.nodes if node.process.poll() is not None), None), 90, "a node gave up")
        assert_refused((node.process.returncode, node.log.read_text()), "No space left on device", node.data)
        for node in herd.nodes:
            node.destroy()
