"""A cluster of nodes in one work directory."""
import json
import secrets
import shutil
import signal
import tempfile
import time
from pathlib import Path

from . import system
from .network import Network
from .node import Node


class Herd:
    """Nodes that share a scope. Use as a context manager: everything is stopped and removed at the end.

    With `networked`, every node has a network namespace and an address of its own, and can be cut off (as root only).
    `capabilities` are kept by the nodes when root is dropped.
    """

    def __init__(self, build, size=3, dynamic=None, scope="herd", log_level="INFO", fsync="on", keep=False, networked=False,
                 capabilities=()):
        self.build, self.scope, self.log_level, self.fsync, self.keep = Path(build), scope, log_level, fsync, keep
        # Short: a Unix socket's path has at most 107 bytes.
        self.work = Path(tempfile.mkdtemp(prefix="herd-", dir="/tmp"))
        self.work.chmod(0o755)
        self.ports = system.PortPool()
        self.secret = secrets.token_hex(16)
        self.dynamic = {"postgresql": {"use_pg_rewind": True}} | (dynamic or {})
        self.programs = system.copy_programs(self.build, self.work / "bin")
        self.network = Network(size) if networked else None
        places = self.network.places if networked else [None] * size
        self.nodes = [Node(self, index + 1, place=place, capabilities=capabilities) for index, place in enumerate(places)]

    def store_section(self, node):
        return {"embedded": {
            "data_dir": str(node.directory / "consensus"),
            "listen": f"{node.host}:{node.raft_port}",
            "advertise": f"{node.host}:{node.raft_port}",
            "client_listen": f"127.0.0.1:{node.store_port}",
            "peers": [f"{other.host}:{other.raft_port}" for other in self.nodes],
            "secret": self.secret,
        }}

    def __enter__(self):
        if self.network:
            try:
                self.network.make()
            except BaseException:
                self.network.destroy()
                raise
        return self

    def __exit__(self, kind, error, trace):
        for node in self.nodes:
            node.destroy()
        # What somebody started by hand beside us, in a demo.
        system.wait_until(lambda: not (left := system.of_directory(self.work)) or system.send(left, signal.SIGKILL), 10,
                          f"nothing runs in {self.work} any more")
        if self.network:
            self.network.destroy()
        if kind is None and not self.keep:
            shutil.rmtree(self.work, ignore_errors=True)
        elif kind is not None:
            print(f"kept for a look: {self.work}")

    # ---- life ----

    def start(self, deadline_s=60):
        """Starts every node and waits until one leads and all others stream from it."""
        for node in self.nodes:
            node.start()
        self.wait_healthy(deadline_s)

    def leader(self, without=None):
        """The node that says it leads; None when none does, or more than one. `without`: one that is known not to answer."""
        leaders = [node for node in self.nodes if node.is_in_sight and node is not without and node.is_leader()]
        return leaders[0] if len(leaders) == 1 else None

    def wait_leader(self, deadline_s=30, other_than=None, without=None):
        def other_leader():
            found = self.leader(without)
            return found if found is not other_than else None
        return system.wait_until(other_leader, deadline_s, f"one leader{' other than ' + other_than.name if other_than else ''}{self.diagnosis}")

    def replicas(self):
        leader = self.leader()
        return [node for node in self.nodes if node is not leader and node.is_in_sight]

    def candidate(self):
        """A node that may take over in a switchover: in synchronous mode the synchronous standby, else any replica."""
        if not self.dynamic.get("synchronous_mode"):
            return self.replicas()[0]
        roles = {member["name"]: member["role"] for member in json.loads(self.leader().get("/cluster")[1])["members"]}
        return next(node for node in self.nodes if roles.get(node.name) in ("sync_standby", "quorum_standby"))

    def is_healthy(self):
        leader = self.leader()
        if leader is None:
            return False
        others = [node for node in self.nodes if node is not leader and node.is_in_sight]
        timeline = leader.status().get("timeline")
        return all(node.is_streaming() and node.status().get("timeline") == timeline for node in others) and self.sync_is_complete(leader)

    def sync_is_complete(self, leader):
        if not self.dynamic.get("synchronous_mode") or len([n for n in self.nodes if n.process]) < 2:
            return True
        code, body = leader.get("/cluster")
        return code == 200 and any(member.get("role") in ("sync_standby", "quorum_standby") for member in json.loads(body)["members"])

    def wait_healthy(self, deadline_s=60):
        try:
            system.wait_until(self.is_healthy, deadline_s, "one leader and every replica streaming on its timeline")
        except TimeoutError as error:
            raise TimeoutError(f"{error}{self.diagnosis}") from None
        return self.leader()

    @property
    def diagnosis(self):
        """The ends of the nodes' logs, formatted only when printed."""
        class Late:
            def __format__(late, spec):
                return "".join(f"\n--- {node.name} ---\n{node.tail()}" for node in self.nodes)
            __str__ = lambda late: format(late)
        return Late()

    def ctl(self, *arguments, node=None, **options):
        """Runs an operator command with the configuration of a node."""
        node = node or next(n for n in self.nodes if n.process is not None)
        return system.run([*node.prefix, str(self.programs / "matriarch"), "-c", str(node.file), *arguments], **options)

    def topology(self):
        return self.ctl("topology").stdout
