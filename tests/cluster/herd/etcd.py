"""One real etcd server, of Debian's package, for the nodes of a test."""
import signal
import subprocess
import urllib.request

from . import system


class Etcd:
    def __init__(self, herd):
        self.directory = system.owned_directory(herd.work / "etcd")
        self.client_port, self.peer_port = herd.ports.take(), herd.ports.take()
        self.endpoint = f"127.0.0.1:{self.client_port}"
        self.process = None

    @property
    def log(self):
        return self.directory / "log"

    def start(self, deadline_s=20):
        client, peer = f"http://{self.endpoint}", f"http://127.0.0.1:{self.peer_port}"
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*system.unprivileged(), "etcd", "--name", "one", "--data-dir", str(self.directory / "data"), "--listen-client-urls", client,
                                             "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                                             "--initial-cluster", f"one={peer}"],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory, start_new_session=True)
        system.wait_until(self.is_healthy, deadline_s, f"etcd is healthy: see {self.log}")

    def is_healthy(self):
        try:
            with urllib.request.urlopen(f"http://{self.endpoint}/health", timeout=1) as answer:
                return b'"true"' in answer.read()
        except OSError:
            return False

    def freeze(self):
        system.send([self.process.pid], signal.SIGSTOP)

    def thaw(self):
        system.send([self.process.pid], signal.SIGCONT)

    def kill(self):
        """Its data stays: start() goes on with it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None
