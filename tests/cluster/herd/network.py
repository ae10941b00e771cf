"""A network of one's own for a herd: every node in a network namespace, all on one bridge, and faults between them. Needs root."""
import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000
# A token bucket that holds no packet: everything that would leave by the device is dropped, silently, as by a broken switch.
DROP_ALL = ["root", "tbf", "rate", "8bit", "burst", "1", "limit", "1"]


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Place:
    """Where a node lives: an address, a namespace, and the two ends of its cable."""

    def __init__(self, network, index):
        self.name = f"{network.tag}n{index}"
        self.host = f"{network.prefix}.{index}"
        self.outer, self.bridge, self.width = f"{network.tag}v{index}", network.bridge, network.width
        self.is_cut = False

    @property
    def namespace(self):
        return f"/run/netns/{self.name}"

    @property
    def command_prefix(self):
        """Enters the namespace by exec, so the process stays the same."""
        return ["nsenter", f"--net={self.namespace}"]

    def make(self):
        ip("netns", "add", self.name)
        ip("link", "add", self.outer, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", self.outer, "master", self.bridge, "up")
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.name, "addr", "add", f"{self.host}/{self.width}", "dev", "eth0")
        ip("-n", self.name, "link", "set", "eth0", "up")

    def cut(self, inbound=True, outbound=True):
        """From now on packets to the node, from it, or both are lost. Links stay up and nobody is told."""
        self.is_cut = True
        if inbound:
            subprocess.run(["tc", "qdisc", "replace", "dev", self.outer, *DROP_ALL], check=True, capture_output=True)
        if outbound:
            subprocess.run(["tc", "-n", self.name, "qdisc", "replace", "dev", "eth0", *DROP_ALL], check=True, capture_output=True)

    def mend(self):
        for command in (["tc", "qdisc", "del", "dev", self.outer, "root"], ["tc", "-n", self.name, "qdisc", "del", "dev", "eth0", "root"]):
            subprocess.run(command, capture_output=True)  # fails when that direction was not cut
        self.is_cut = False


class Network:
    """The bridge and its places. The caller's own side of the bridge is the majority's: it sees whoever is not cut."""

    width = 24

    def __init__(self, size):
        number = os.getpid() % 62500
        self.prefix = f"10.{number // 250 + 1}.{number % 250 + 1}"
        self.tag = f"h{os.getpid() % 100000}"
        self.bridge = f"{self.tag}b"
        self.places = [Place(self, index + 1) for index in range(size)]

    def make(self):
        ip("link", "add", self.bridge, "type", "bridge")
        ip("addr", "add", f"{self.prefix}.254/{self.width}", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for place in self.places:
            place.make()

    def destroy(self):
        for place in self.places:
            subprocess.run(["ip", "netns", "del", place.name], capture_output=True)  # takes both ends of the cable along
            subprocess.run(["ip", "link", "del", place.outer], capture_output=True)
        subprocess.run(["ip", "link", "del", self.bridge], capture_output=True)


def enter(namespace):
    """Moves the calling thread, and only it, into a network namespace."""
    with open(namespace, "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {namespace}")
