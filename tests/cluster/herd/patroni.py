"""Clusters on a real etcd of which every node may run Patroni or Matriarch, with the very same configuration file.

Patroni is unpacked aside by scripts/fetch-patroni: Debian's newest, or bookworm's own.
"""
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

from . import system
from .cluster import Herd
from .etcd import Etcd
from .node import Node

PROJECT = Path(__file__).resolve().parents[3]


def fetch(target, major=4):
    """A copy of Patroni where the unprivileged user can read it. Returns its version."""
    fetched = PROJECT / f"build/patroni-{major}"
    done = subprocess.run([PROJECT / "scripts/fetch-patroni", fetched, str(major)], text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    shutil.copytree(fetched, target)
    return done.stdout.strip()


class SiteNode(Node):
    """A node of a site that may move between the two: `runs` says which program its service is."""

    def __init__(self, herd, index, runs):
        super().__init__(herd, index)
        self.runs = runs

    def command(self):
        if self.runs == "matriarch":
            return [str(self.programs / "matriarch"), str(self.file)]
        return ["/usr/bin/python3", str(self.herd.patroni / "usr/bin/patroni"), str(self.file)]

    def spawn(self):
        with open(self.log, "ab") as log:
            return subprocess.Popen([*self.prefix, *self.command()], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory,
                                    start_new_session=True, env=self.herd.python_environment)

    def start(self):
        self.write_settings()
        self.process = self.spawn()

    def family(self):
        """The service and PostgreSQL, which is no child of Patroni, nor of a Matriarch that took it over."""
        postmaster = self.postmaster()
        service = system.family(self.process.pid) if self.process else []
        return service + (system.family(postmaster) if postmaster else [])

    def kill_everything(self):
        stopped = []
        while (pids := self.family()) != stopped:  # who was forked meanwhile is stopped too
            system.send(pids, signal.SIGSTOP)
            stopped = pids
        self.kill(pids)

    def kill_service(self):
        """Nothing of the service is left, PostgreSQL goes on if it is no part of it."""
        self.kill(system.family(self.process.pid))

    def kill(self, pids):
        system.send(pids, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)
            self.process = None
        system.wait_until(lambda: not any(system.is_alive(pid) for pid in pids), 10, f"every process of {self.name} is gone")

    def destroy(self):
        self.kill_everything()

    def postmaster(self):
        """Also when a crash left the file behind: only a living process counts."""
        pid = super().postmaster()
        return pid if pid and system.is_alive(pid) else None

    def reload(self):
        self.write_settings()
        system.send([self.process.pid], signal.SIGHUP)

    def in_recovery(self):
        return self.query("SELECT pg_is_in_recovery()")[0][0]


class SiteHerd(Herd):
    """`runs` names the program of each node: "patroni" or "matriarch". All share one etcd. `major` is the version of Patroni."""

    def __init__(self, build, runs=("patroni", "patroni", "patroni"), scope="site", dynamic=None, major=4, **options):
        super().__init__(build, size=0, scope=scope, dynamic={"ttl": 20, "loop_wait": 2, "retry_timeout": 3} | (dynamic or {}), **options)
        self.patroni = self.work / "patroni"
        self.version = fetch(self.patroni, major)
        self.python_environment = os.environ | {"PYTHONPATH": str(self.patroni / "usr/lib/python3/dist-packages"), "PYTHONDONTWRITEBYTECODE": "1"}
        self.etcd = Etcd(self)
        self.nodes = [SiteNode(self, index + 1, program) for index, program in enumerate(runs)]

    def store_section(self, node):
        return {"etcd3": {"hosts": [self.etcd.endpoint]}}

    def __enter__(self):
        super().__enter__()
        try:
            self.etcd.start()
        except BaseException:
            self.etcd.kill()
            raise
        return self

    def __exit__(self, kind, error, trace):
        for node in self.nodes:
            node.destroy()
        self.etcd.kill()
        return super().__exit__(kind, error, trace)

    def tool(self, program, *arguments):
        """Runs `patronictl` or `matriarch`, as the user of the services; returns what it printed."""
        program = {"patronictl": ["/usr/bin/python3", str(self.patroni / "usr/bin/patronictl")], "matriarch": [str(self.programs / "matriarch")]}[program]
        done = system.run([*self.nodes[0].prefix, *program, *arguments], env=self.python_environment, timeout=120)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}{self.diagnosis}"
        return done.stdout

    def ask(self, program, *arguments):
        """As tool(), with the configuration of the first node."""
        return self.tool(program, "-c", str(self.nodes[0].file), *arguments)

    def switch_to(self, target, program="matriarch"):
        leader = self.leader()
        self.ask(program, "switchover", self.scope, "--leader", leader.name, "--candidate", target.name, "--force")
        system.wait_until(lambda: self.leader() is target, 30, f"{target.name} leads{self.diagnosis}")

    def key(self, suffix):
        """The document below that key of the scope, None when there is none."""
        path = f"/service/{self.scope}/{suffix}"
        found = subprocess.run(["etcdctl", f"--endpoints={self.etcd.endpoint}", "get", "--print-value-only", path], text=True, capture_output=True,
                               env=os.environ | {"ETCDCTL_API": "3"}, timeout=10)
        assert found.returncode == 0, found.stderr
        return json.loads(found.stdout) if found.stdout.strip() else None

    def start(self, deadline_s=90):
        """The first node leads, so that two sites look the same."""
        first, *others = self.nodes
        first.start()
        system.wait_until(first.is_leader, deadline_s, f"{first.name} leads")
        for node in others:
            node.start()
        self.wait_healthy(deadline_s)

    def patronictl(self, *arguments, tool="patroni", node=None, environment=None, **options):
        """Patroni's own tool, or ours under its name, with the configuration of a node."""
        node = node or self.nodes[0]
        ours = self.programs / "patronictl"
        if tool == "matriarch" and not ours.exists():
            ours.symlink_to(self.programs / "matriarch")
        program = [str(ours)] if tool == "matriarch" else ["/usr/bin/python3", str(self.patroni / "usr/bin/patronictl")]
        return system.run([*program, "-c", str(node.file), *arguments], env=self.python_environment | (environment or {}), **options)
