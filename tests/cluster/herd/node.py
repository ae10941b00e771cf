"""One node: its directory, its configuration, its processes."""
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

import psycopg2
import yaml

from . import system

PASSWORDS = {"superuser": "s3cret-super", "replication": "s3cret-repl", "rewind": "s3cret-rewind"}


class Node:
    def __init__(self, herd, index, place=None, capabilities=()):
        self.herd, self.index, self.name, self.place = herd, index, f"n{index}", place
        self.host = place.host if place else "127.0.0.1"
        self.prefix = [*(place.command_prefix if place else []), *system.unprivileged(capabilities)]
        self.directory = system.owned_directory(herd.work / self.name)
        self.postgres_port, self.rest_port = herd.ports.take(), herd.ports.take()
        self.raft_port, self.store_port = herd.ports.take(), herd.ports.take()
        self.data = self.directory / "data"
        self.programs = herd.programs
        self.process = None
        self.extra = {}  # merged into the configuration before it is written

    # ---- configuration ----

    def settings(self):
        herd = self.herd
        tree = {
            "scope": herd.scope,
            "name": self.name,
            "log": {"level": herd.log_level},
            "restapi": {"listen": f"{self.host}:{self.rest_port}", "connect_address": f"{self.host}:{self.rest_port}"},
            "bootstrap": {
                "dcs": herd.dynamic,
                "initdb": [{"encoding": "UTF8"}, "data-checksums", {"auth-local": "trust"}, {"auth-host": "scram-sha-256"}],
            },
            "postgresql": {
                "listen": f"{self.host}:{self.postgres_port}",
                "connect_address": f"{self.host}:{self.postgres_port}",
                "data_dir": str(self.data),
                "bin_dir": str(system.POSTGRES_BIN),
                "pgpass": str(self.directory / "pgpass"),
                "use_unix_socket": False,
                "authentication": {role: {"username": "postgres" if role == "superuser" else role, "password": word}
                                   for role, word in PASSWORDS.items()},
                "parameters": {"unix_socket_directories": str(self.directory), "shared_buffers": "16MB", "fsync": herd.fsync,
                               "max_connections": 60, "wal_log_hints": "on", "logging_collector": "off"},
                "pg_hba": ["local all all trust", "host replication replication all scram-sha-256", "host all all all scram-sha-256"],
                "use_pg_rewind": True,
            },
        }
        tree.update(herd.store_section(self))
        for section, content in self.extra.items():
            if isinstance(content, dict):
                tree.setdefault(section, {}).update(content)
            else:
                tree[section] = content
        return tree

    @property
    def file(self):
        return self.directory / "node.yml"

    @property
    def log(self):
        return self.directory / "log"

    def write_settings(self):
        self.file.write_text(yaml.safe_dump(self.settings(), sort_keys=False))
        self.file.chmod(0o600)
        if os.geteuid() == 0:
            owner = self.directory.stat()
            os.chown(self.file, owner.st_uid, owner.st_gid)

    # ---- life ----

    def start(self):
        """What a service manager does: starts the node's one service."""
        self.write_settings()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.prefix + [str(self.programs / "matriarch"), str(self.file)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.directory, start_new_session=True)

    def run_to_its_end(self, deadline_s=30):
        """Starts the service and waits until it gives up by itself: (exit code, everything it said)."""
        began = self.log.stat().st_size if self.log.exists() else 0
        self.start()
        try:
            code = self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.destroy()
            raise TimeoutError(f"{self.name} still runs after {deadline_s} s:\n{self.tail()}") from None
        self.process = None
        return code, self.log.read_bytes()[began:].decode(errors="replace")

    def stop(self, deadline_s=60):
        if self.process is None:
            return
        if self.process.poll() is None:
            system.send([self.guardian()], signal.SIGTERM)
            try:
                self.process.wait(deadline_s)
            except subprocess.TimeoutExpired:
                system.kill_family(self.process.pid)
                self.process.wait(10)
                raise
        self.process = None

    def kill_everything(self):
        """Power loss as far as processes go. Returns the moment before the first signal."""
        at = time.monotonic()
        system.kill_family(self.process.pid)
        self.process.wait(10)
        self.process = None
        return at

    def destroy(self):
        if self.process is not None:
            system.kill_family(self.process.pid)
            self.process.wait(10)
            self.process = None

    @property
    def is_in_sight(self):
        """It was started, and the caller's network reaches it."""
        return self.process is not None and not (self.place and self.place.is_cut)

    # ---- processes ----

    def guardian(self):
        """The service's main process: every prefix ends in an exec."""
        return self.process.pid

    def find(self, what):
        """Processes of this node whose command line contains `what`."""
        return [pid for pid in system.family(self.process.pid) if what in system.command_line(pid)]

    def agent(self):
        return self.find("matriarch agent")

    def store(self):
        return self.find("matriarch store")

    def postmaster(self):
        pid_file = self.data / "postmaster.pid"
        return int(pid_file.read_text().split("\n")[0]) if pid_file.exists() else None

    def postmaster_is_primary(self):
        """Whether a server runs here that is not in recovery, as its processes tell: asks nobody, so it works for a node that is cut off."""
        return any("walwriter" in system.command_line(pid) for pid in system.family(self.process.pid))

    # ---- asking ----

    def get(self, path, timeout=2.0):
        """(status, body) of a GET on the REST API; (0, reason) when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.rest_port}{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def status(self):
        code, body = self.get("/patroni")
        try:
            return json.loads(body) if code else {}
        except ValueError:
            return {}

    def members(self):
        code, body = self.get("/cluster")
        return json.loads(body)["members"] if code == 200 else []

    def is_leader(self):
        return self.get("/leader")[0] == 200

    def is_streaming(self):
        status = self.status()
        return status.get("state") == "running" and status.get("replication_state") == "streaming"

    def dsn(self):
        return (f"host={self.host} port={self.postgres_port} user=postgres password={PASSWORDS['superuser']} dbname=postgres "
                "connect_timeout=1")

    def connect(self):
        connection = psycopg2.connect(self.dsn())
        connection.autocommit = True
        return connection

    def query(self, sql):
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return cursor.fetchall()
        finally:
            connection.close()

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else "(no log)"
