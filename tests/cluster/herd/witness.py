"""A witness, and a herd of two nodes that has one."""
import base64
import json
import subprocess
import urllib.request

from . import system
from .cluster import Herd
from .node import Node


class Witness(Node):
    """A voter of the store without PostgreSQL."""

    def settings(self):
        tree = {"scope": self.herd.scope, "name": self.name, "log": {"level": self.herd.log_level}}
        tree.update(self.herd.store_section(self))
        for section, content in self.extra.items():
            tree[section].update(content)
        return tree

    def start(self):
        self.write_settings()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*system.unprivileged(), str(self.herd.programs / "matriarch"), "witness", str(self.file)], stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, cwd=self.directory, start_new_session=True)


class WitnessedHerd(Herd):
    def __init__(self, build, **options):
        super().__init__(build, size=2, **options)
        self.voters = list(self.nodes)
        self.witness = Witness(self, 3)

    def store_section(self, node):
        section = super().store_section(node)
        section["embedded"]["peers"] = [f"{other.host}:{other.raft_port}" for other in [*self.voters, self.witness]]
        return section

    def __exit__(self, *trouble):
        self.witness.destroy()
        return super().__exit__(*trouble)

    def start(self, deadline_s=60):
        self.witness.start()
        super().start(deadline_s)


class StoreHerd(Herd):
    """The embedded store alone: witnesses, no PostgreSQL. `stores` are the ones that found it together."""

    def __init__(self, build, size=3, spares=0, scope="stores", **options):
        super().__init__(build, size=0, scope=scope, **options)
        every = [Witness(self, index + 1) for index in range(size + spares)]
        self.stores, self.spares = every[:size], every[size:]

    def store_section(self, node):
        section = super().store_section(node)
        seeds = self.stores if node in self.stores else [*self.stores, node]
        section["embedded"]["peers"] = [f"{other.host}:{other.raft_port}" for other in seeds]
        return section

    def __exit__(self, *trouble):
        for store in [*self.stores, *self.spares]:
            store.destroy()
        return super().__exit__(*trouble)

    def start(self, deadline_s=30):
        for store in self.stores:
            store.start()
        self.wait_voters(len(self.stores), deadline_s)

    def command(self, store, *arguments, answer=None, **options):
        """`matriarch store ...` with the configuration of that node, as the user of its service."""
        options = {"timeout": 60, "input": answer} | options
        return system.run([*system.unprivileged(), str(self.programs / "matriarch"), "-c", str(store.file), "store", *arguments], **options)

    def status(self, store):
        """What that node says, or nothing when it does not answer."""
        answer = self.command(store, "status", "--json")
        return json.loads(answer.stdout) if answer.stdout else {}

    def running(self):
        return [store for store in [*self.stores, *self.spares] if store.process is not None and store.process.poll() is None]

    def wait_voters(self, count, deadline_s=30):
        """Waits until so many voters are up and know each other's names, and no change is under way; returns the node that leads."""
        def leader():
            seen = {store.name: self.status(store) for store in self.running()}
            voters = {name: [member["name"] for member in status.get("members", []) if member["role"] == "voter"] for name, status in seen.items()}
            for store in self.running():
                status = seen.get(store.name, {})
                if status.get("node", {}).get("state") != "leader" or status["changing"]:
                    continue
                heard = {member["name"] for member in status["members"] if member.get("alive")}
                aware = [name for name in voters[store.name] if name in heard and sorted(voters.get(name, [])) == sorted(voters[store.name])]
                return store if len(aware) == count else None
            return None

        return system.wait_until(leader, deadline_s, f"a leader with {count} living voters{self.tails()}")

    def tails(self):
        class Late:
            def __format__(late, spec):
                return "".join(f"\n--- {store.name} ---\n{store.tail()}" for store in [*self.stores, *self.spares])
        return Late()

    def post(self, store, path, body):
        """One call of etcd's API on that node's client port."""
        request = urllib.request.Request(f"http://{store.host}:{store.store_port}{path}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())

    def put(self, store, key, value):
        self.post(store, "/v3/kv/put", {"key": _base64(key), "value": _base64(value)})

    def value_of(self, store, key):
        kvs = self.post(store, "/v3/kv/range", {"key": _base64(key)}).get("kvs", [])
        return base64.b64decode(kvs[0].get("value", "")).decode() if kvs else None


def _base64(text):
    return base64.b64encode(text.encode()).decode()
