"""A node without peers forms a cluster of one over an empty data directory, and over a full one only when it is told to."""
import shutil
import subprocess

from herd import system
from herd.cluster import Herd


def start_with_flag(node):
    with open(node.log, "ab") as log:
        node.process = subprocess.Popen([*system.unprivileged(), str(node.herd.programs / "matriarch"), "run", str(node.file), "--form-new-cluster"], stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, cwd=node.directory, start_new_session=True)


def test_a_lone_node_that_lost_its_store_is_not_taken_for_a_new_one(build):
    with Herd(build, size=1, scope="alone") as herd:
        node = herd.nodes[0]
        herd.start(60)
        identifier = node.query("SELECT system_identifier FROM pg_control_system()")
        node.stop()
        shutil.rmtree(node.directory / "consensus")
        node.start()
        system.wait_until(lambda: "--form-new-cluster" in node.log.read_text(), 30, f"the store says why it forms nothing:\n{node.tail()}")
        assert not node.is_leader()
        node.stop()
        start_with_flag(node)
        herd.wait_leader(60)
        assert node.query("SELECT system_identifier FROM pg_control_system()") == identifier
        # Once is enough: what was formed is remembered.
        node.stop()
        node.start()
        herd.wait_leader(60)
