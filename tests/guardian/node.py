"""One guardian with a fake agent and a real PostgreSQL, in a private directory, as an ordinary user."""
import array
import ctypes
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import threading
import time

import psycopg2

BUILD = pathlib.Path(os.environ.get("MATRIARCH_BUILD", pathlib.Path(__file__).parents[2] / "build" / "debug"))
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
USER = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name

BOOT = time.CLOCK_BOOTTIME


def boot_ns():
    return time.clock_gettime_ns(BOOT)


def as_user(argv, realtime=False):
    if os.geteuid() != 0:
        return [str(a) for a in argv]
    right = ["--inh-caps=+sys_nice", "--ambient-caps=+sys_nice"] if realtime else []
    return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--init-groups", *right, *map(str, argv)]


def wait_for(what, deadline=10.0, pause=0.002):
    """Until what() is true; its value."""
    end = time.monotonic() + deadline
    while True:
        value = what()
        if value:
            return value
        assert time.monotonic() < end, f"waited {deadline} s in vain for {what.__name__}"
        time.sleep(pause)


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def processes_in(data):
    """Every live process of PostgreSQL that works in that directory."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "cwd") == str(data) and os.readlink(entry / "exe").endswith("/postgres") and alive(entry.name):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


def enter(group):
    """A command that moves itself into the control group before it goes on."""
    return ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"] if group else []


def own(path):
    if os.geteuid() == 0:
        user = pwd.getpwnam(USER)
        for top, directories, files in os.walk(path):
            for name in [".", *directories, *files]:
                os.chown(os.path.join(top, name), user.pw_uid, user.pw_gid, follow_symlinks=False)


def make_template(directory):
    """A data directory to copy: initdb takes longer than everything else here."""
    data = directory / "template"
    subprocess.run(as_user([POSTGRES / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "-N", "--wal-segsize=1"]), check=True,
                   stdout=subprocess.DEVNULL, cwd=directory)
    with open(data / "postgresql.conf", "a") as conf:
        conf.write("listen_addresses = ''\nshared_buffers = 16MB\nfsync = off\nmax_connections = 300\nautovacuum = off\n"
                   "logging_collector = on\nlog_directory = 'log'\nmin_wal_size = 2MB\n"
                   "dynamic_shared_memory_type = mmap\n")  # what a killed server leaves is in its directory
    return data


class Writer:
    """A client that commits as fast as it can, in a process of its own, and remembers when each answer came."""

    def __init__(self, node, number):
        self.file = node.directory / f"acks.{number}"
        self.process = subprocess.Popen(as_user([node.programs / "busy-client", node.conninfo(), self.file], realtime=True))

    def acks(self):
        """Boot times of the answers so far."""
        if not self.file.exists() or self.file.stat().st_size == 0:
            return []
        words = array.array("q")
        with open(self.file, "rb") as file:
            words.frombytes(file.read(8))
            words.frombytes(file.read(8 * words[0]))
        return words[1:]

    def is_alive(self):
        return self.process.poll() is None


class Burner(threading.Thread):
    """A client whose one call commits on and on inside the server: such a backend does not notice by itself that its
    postmaster has died, as those do that read from their client."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.connection = node.connect()
        self.pid = self.connection.get_backend_pid()
        self.start()

    def run(self):
        try:
            self.connection.cursor().execute("call burn()")
        except psycopg2.Error:
            pass


class Node:
    def __init__(self, directory, template, name="n1"):
        self.directory = directory
        self.run = directory / "run"
        self.data = directory / "data"
        self.log = directory / "log"
        self.programs = directory / "bin"
        self.run.mkdir(mode=0o700)
        self.programs.mkdir()
        for program in ("matriarch-guardian", "fake-agent", "busy-client"):
            shutil.copy(BUILD / program, self.programs / program)
        subprocess.run(["cp", "-a", template, self.data], check=True)
        own(directory)
        os.chmod(self.data, 0o700)
        self.guardian = None
        self.commands = None
        self.job = {}
        self.writers = []

    # ---- the guardian ----

    def start(self, store=False, realtime=True, inside=None, **job):
        """With the right to real-time priority, as the service's unit grants it, if we may grant it."""
        agent = [self.programs / "fake-agent", "agent", self.run, self.data]
        records = ["matriarch job 1", f"run_directory={self.run}", f"data_directory={self.data}",
                   f"program={self.programs / 'matriarch-guardian'}", *[f"agent={a}" for a in agent]]
        if store:
            records += [f"store={a}" for a in (self.programs / "fake-agent", "store", self.run, self.data)]
        records += [f"{key}={value}" for key, value in job.items()]
        fd = os.memfd_create("job", 0)
        os.write(fd, "".join(r + "\0" for r in records).encode())
        os.lseek(fd, 0, 0)
        self.log_file = open(self.log, "ab")
        self.guardian = subprocess.Popen(enter(inside) + as_user([self.programs / "matriarch-guardian", "--job", fd], realtime), pass_fds=[fd],
                                         stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file,
                                         cwd="/", start_new_session=True)
        os.close(fd)
        return self.guardian

    def started(self, **job):
        self.start(**job)
        self.wait_for_agent()
        return self

    def wait_for_agent(self):
        def agent_answers():
            try:
                return self.ask("news") is not None
            except (OSError, AssertionError):
                return False
        wait_for(agent_answers)

    def ask(self, command, timeout=5.0):
        """One command to the fake agent."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            client.connect(str(self.run / "fake.sock"))
            client.sendall(command.encode())
            answer = b""
            while not answer.endswith(b"\n"):
                part = client.recv(65536)
                assert part, f"the agent hung up on {command!r}"
                answer += part
            return answer.decode().strip()

    def state(self):
        """The guardian's acknowledgement on the page."""
        text = subprocess.run(as_user([self.programs / "fake-agent", "state", self.run]), capture_output=True, text=True)
        return {name: int(number) for name, number in (line.split() for line in text.stdout.splitlines())}

    def wait_for_state(self, deadline=10.0, **wanted):
        def state_is_reached():
            state = self.state()
            return state if all(state.get(name) == value for name, value in wanted.items()) else None
        return wait_for(state_is_reached, deadline)

    def page(self):
        """The file of the page, as the guardian has it open."""
        for fd in pathlib.Path(f"/proc/{self.guardian.pid}/fd").iterdir():
            target = os.readlink(fd)
            if target.endswith("/page") or "/matriarch-" in target and target.startswith("/dev/shm"):
                return pathlib.Path(target)
        raise AssertionError("the guardian has no page")

    def assert_fenced_before(self, end):
        """No process of PostgreSQL can have answered a client at `end` or later: it was gone, or SIGKILL had been sent."""
        self.wait_until_gone()
        state = self.wait_for_state(fences=1)
        assert (state["fence_killed"] or state["fence_ended"]) < end
        assert not self.writers or self.last_ack() < end
        return state

    def said(self, words):
        return words in self.log.read_text(errors="replace")

    # ---- PostgreSQL ----

    def fork(self):
        answer = self.ask(f"fork {POSTGRES}/postgres {self.data} {self.directory}/postgres.log -k {self.directory}")
        assert answer.startswith("done "), answer
        self.postmaster = int(answer.split()[1])
        self.wait_until_open()
        return self.postmaster

    def wait_until_open(self):
        def postgres_answers():
            try:
                self.connect().close()
                return True
            except psycopg2.OperationalError:
                return False
        wait_for(postgres_answers)

    def conninfo(self):
        return f"host={self.directory} user=postgres dbname=postgres"

    def connect(self):
        connection = psycopg2.connect(self.conninfo())
        connection.autocommit = True
        return connection

    def primary(self, ttl_ms=2000, writers=4):
        """A primary under a lease, with clients at work."""
        assert self.ask("posture 0 0").startswith("done")
        self.fork()
        self.prepare()
        assert self.ask(f"lease {ttl_ms}").startswith("done")
        assert self.ask("posture 1 0").startswith("done")
        assert self.state()["armed_term"] > 0
        return self.busy(writers)

    def prepare(self):
        with self.connect().cursor() as cursor:
            cursor.execute("create table if not exists t (i int)")
            cursor.execute("create or replace procedure burn() language plpgsql as $$ "
                           "begin loop insert into t values (2); commit; end loop; end $$")

    def busy(self, writers):
        self.writers = [Writer(self, number) for number in range(writers)]
        self.burners = [Burner(self) for _ in range(2)]
        wait_for(lambda: all(len(w.acks()) > 10 for w in self.writers))
        return self

    def wal_position(self):
        """Changes with every commit, also of a server that nobody can ask any more."""
        return [(f.name, f.stat().st_mtime_ns) for f in sorted((self.data / "pg_wal").iterdir()) if f.is_file()]

    def last_ack(self):
        for writer in self.writers:
            assert writer.process.wait(timeout=20) == 0
        return max(writer.acks()[-1] for writer in self.writers)

    def commits(self):
        return sum(len(writer.acks()) for writer in self.writers)

    def processes(self):
        return processes_in(self.data)

    def wait_until_gone(self, deadline=10.0):
        """Boot time at which the last process of PostgreSQL was seen to be gone."""
        gone = boot_ns()
        while left := self.processes():
            def all_of_them_are_gone():
                while left and not alive(left[-1]):
                    left.pop()
                return not left
            wait_for(all_of_them_are_gone, deadline, pause=0.0005)
            gone = boot_ns()
        return gone

    def tree(self):
        """All processes of the node: the guardian, what is below it, PostgreSQL."""
        pids, todo = set(self.processes()), [self.guardian.pid]
        while todo:
            pid = todo.pop()
            pids.add(pid)
            for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    todo += [int(child) for child in task.read_text().split()]
                except OSError:
                    pass
        return sorted(pids)

    # ---- the end ----

    def destroy(self):
        if self.guardian is not None and self.guardian.poll() is None:
            self.page().unlink(missing_ok=True)
        everything = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if str(self.directory).encode() in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes():
                        everything.append(int(entry.name))
                except OSError:
                    pass
        pids = set(everything) | set(self.processes())
        if self.guardian is not None and self.guardian.poll() is None:
            pids.add(self.guardian.pid)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for process in [self.guardian, *(writer.process for writer in self.writers)]:
            if process is not None:
                process.wait()
        for _ in range(2000):
            if not self.processes():
                break
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)


def become_subreaper():
    """Orphans of a killed guardian become ours, as they would become a service manager's: we reap them."""
    libc = ctypes.CDLL(None, use_errno=True)
    PR_SET_CHILD_SUBREAPER = 36
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
