"""Processes, users and ports."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")


def wait_until(condition, deadline_s, what):
    """Returns the first true value of condition(); fails with `what` after the deadline."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"after {deadline_s} s still not: {what}")
        time.sleep(0.02)


class PortPool:
    """Ports that were free a moment ago, each given out once (to all herds of this process), below the range of outgoing connections."""

    next = 20000 + (os.getpid() * 97) % 8000

    def take(self):
        while True:
            PortPool.next = PortPool.next + 1 if PortPool.next < 32000 else 20000
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", PortPool.next))
                    return PortPool.next
                except OSError:
                    continue


def unprivileged(capabilities=()):
    """What comes before a command to drop root, in the same process: PostgreSQL refuses to run as root.

    `capabilities`, such as sys_nice, are kept, as a service manager's AmbientCapabilities= does it.
    """
    if os.geteuid() != 0:
        return []
    kept = ",".join(f"+{name}" for name in capabilities)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *([f"--inh-caps={kept}", f"--ambient-caps={kept}"] if kept else [])]


def as_nobody():
    """Arguments of Popen for a bystander that owns nothing of the herd's."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def owned_directory(path):
    """A private directory that belongs to the user who will run the nodes."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    if os.geteuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(path, entry.pw_uid, entry.pw_gid)
    return path


def copy_programs(build, programs):
    """Copies of the programs, where the unprivileged user can execute them (a clone under a private home is not)."""
    owned_directory(programs)
    for name in ("matriarch", "matriarch-guardian"):
        target = programs / name
        shutil.copy2(build / name, target)
        target.chmod(0o755)
    programs.chmod(0o755)
    return programs


def children(pid):
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except FileNotFoundError:
        return []
    found = []
    for task in tasks:
        try:
            found += [int(child) for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def of_directory(path):
    """Processes whose program or working directory lies below the path, whoever started them."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for link in ("exe", "cwd"):
            try:
                if os.readlink(f"/proc/{pid}/{link}").startswith(f"{path}/"):
                    found.append(int(pid))
                    break
            except OSError:
                continue
    return found


def family(pid):
    """pid and everything below it, parents first."""
    result, queue = [], [pid]
    while queue:
        current = queue.pop(0)
        result.append(current)
        queue += children(current)
    return result


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False


def age_s(pid):
    """Seconds since the process was started."""
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def send(pids, which):
    for pid in pids:
        try:
            os.kill(pid, which)
        except ProcessLookupError:
            pass


def freeze_family(pid):
    """Stops everything of a node. Returns its processes, parents first."""
    stopped = []
    while (pids := family(pid)) != stopped:  # who was forked meanwhile is stopped too
        send(pids, signal.SIGSTOP)
        stopped = pids
    return stopped


def kill_family(pid):
    """SIGKILL everything of a node at the same time: stopped first, so that nobody can react to another's death."""
    pids = freeze_family(pid)
    send(pids, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(p) for p in pids), 10, "every process of the node is gone")


def run(command, **options):
    return subprocess.run(command, text=True, capture_output=True, **options)
