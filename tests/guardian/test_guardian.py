"""What the guardian promises, with real processes and a real PostgreSQL."""
import os
import pathlib
import signal
import subprocess
import time

import psycopg2
import pytest

import node as nodes
from node import alive, boot_ns, parent_of, processes_in, wait_for

MS = 1_000_000


@pytest.fixture(autouse=True, scope="session")
def subreaper():
    nodes.become_subreaper()


def kill(pid, number=signal.SIGKILL):
    os.kill(pid, number)


def wake(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass  # the guardian was quicker


# ---- the lease runs out --------------------------------------------------------------------------------------------

def test_a_lease_that_ends_leaves_no_backend_and_no_late_commit(node, measure):
    node.started().primary(ttl_ms=1000, writers=8)
    end = int(node.ask("stop-renewing"))
    gone = node.wait_until_gone()
    measure("lease ended: PostgreSQL gone before the end of the lease", (end - gone) / MS)
    measure("lease ended: last acknowledged commit before the end of the lease", (end - node.last_ack()) / MS)
    state = node.assert_fenced_before(end)
    assert state["reason"] == 1 and state["fence_due"] == end
    wait_for(lambda: "fenced 1" in node.ask("news"))


def test_postgres_that_ignores_quit_is_killed_before_the_end(node, measure):
    node.started().primary(ttl_ms=1000, writers=4)
    for pid in node.processes():
        kill(pid, signal.SIGSTOP)
    end = int(node.ask("stop-renewing"))
    state = node.assert_fenced_before(end)
    measure("stopped server: SIGKILL sent to all before the end of the lease", (end - state["fence_killed"]) / MS)


def test_two_hundred_backends(node, measure):
    node.started().primary(ttl_ms=1000, writers=4)
    idle = [node.connect() for _ in range(200)]
    for pid in node.processes():
        kill(pid, signal.SIGSTOP)
    end = int(node.ask("stop-renewing"))
    gone = node.wait_until_gone()
    state = node.assert_fenced_before(end)
    took = (state["fence_ended"] - state["fence_began"]) / MS
    assert len(idle) == 200
    measure("200 stopped backends: SIGKILL sent to all before the end of the lease", (end - state["fence_killed"]) / MS)
    measure("200 stopped backends: gone before the end of the lease", (end - gone) / MS)
    measure("200 stopped backends: fence from SIGQUIT to the last one gone", took)


def test_a_lease_given_up_is_fenced_at_once(node, measure):
    node.started().primary(ttl_ms=5000)
    began = boot_ns()
    node.ask("release")
    measure("lease given up under a running primary: PostgreSQL gone after", (node.wait_until_gone() - began) / MS)
    assert node.wait_for_state(fences=1)["reason"] == 1


def test_a_renewed_lease_is_left_alone(node):
    node.started().primary(ttl_ms=600)
    seen = node.state()
    wait_for(lambda: node.state()["looked_at"] > seen["looked_at"] + 2_000 * MS, 10)  # three leases later
    assert node.state()["fences"] == 0 and alive(node.postmaster)
    assert all(writer.is_alive() for writer in node.writers)


def test_nobody_fences_a_standby_or_a_pause(node):
    node.started().primary(ttl_ms=600)
    node.ask("posture 1 1")
    node.ask("stop-renewing")
    seen = node.state()
    wait_for(lambda: node.state()["looked_at"] > seen["looked_at"] + 1_500 * MS, 10)
    assert alive(node.postmaster)
    node.ask("posture 0 0")
    seen = node.state()
    wait_for(lambda: node.state()["looked_at"] > seen["looked_at"] + 500 * MS, 10)
    assert alive(node.postmaster)
    node.ask("posture 1 0")
    node.wait_until_gone()


def test_as_asked_by_the_agent(node):
    node.started().primary(ttl_ms=5000)
    assert node.ask("fence").startswith("done")
    node.wait_until_gone()
    wait_for(lambda: "fenced 7" in node.ask("news"))
    assert node.ask(f"fork {nodes.POSTGRES}/postgres {node.data} {node.directory}/log2").startswith("done")


def test_no_postgres_without_ground(node):
    node.started()
    node.ask("posture 1 0")
    assert node.ask(f"fork {nodes.POSTGRES}/postgres {node.data} {node.directory}/log2").startswith("refused")
    assert node.processes() == []
    node.ask("posture 0 0")
    assert "No such file" in node.ask(f"fork /nonexistent/postgres {node.data} {node.directory}/log2")


# ---- somebody dies -------------------------------------------------------------------------------------------------

def test_agent_killed_is_restarted_and_keeps_the_lease(node, measure):
    node.started().primary(ttl_ms=1000)
    before = node.state()
    stray = int(node.ask("spawn /bin/sleep 1000"))
    commits = node.commits()
    began = boot_ns()
    kill(before["agent"])
    wait_for(lambda: node.state()["agent_starts"] == 2)
    measure("agent killed: the next one runs after (includes the test's own polling)", (boot_ns() - began) / MS)
    assert not alive(stray), "a stray of the dead agent lives on"
    node.wait_for_agent()
    seen = node.state()
    wait_for(lambda: node.state()["looked_at"] > seen["looked_at"] + 1_500 * MS, 10)
    assert node.state()["fences"] == 0 and alive(node.postmaster)
    assert node.commits() > commits + 10


def test_agent_killed_again_and_again_is_fenced_when_the_lease_ends(node):
    node.started().primary(ttl_ms=1000)
    end = int(node.ask("stop-renewing"))
    (node.run / "ttl").write_text("0")  # the next one does not renew
    kill(node.state()["agent"])
    node.assert_fenced_before(end)


def test_a_frozen_agent_is_fenced_when_the_lease_ends(node):
    node.started().primary(ttl_ms=1000)
    kill(node.state()["agent"], signal.SIGSTOP)
    state = node.assert_fenced_before(1 << 62)
    assert state["fence_killed"] < state["fence_due"] and state["fence_ended"] > 0


def test_guardian_killed_is_fenced_by_the_agent(node, measure):
    node.started(store=True).primary(ttl_ms=30000)
    agent, store = node.state()["agent"], node.state()["store"]
    began = boot_ns()
    kill(node.guardian.pid)
    gone = node.wait_until_gone()
    measure("guardian killed: PostgreSQL gone after", (gone - began) / MS)
    measure("guardian killed: last acknowledged commit after", (node.last_ack() - began) / MS)
    assert gone - began < 500 * MS  # on a machine with twenty times its load; see the numbers
    wait_for(lambda: not alive(agent) and not alive(store))


def test_guardian_and_agent_killed_is_fenced_by_the_store(node, measure):
    node.started(store=True).primary(ttl_ms=30000)
    agent, store = node.state()["agent"], node.state()["store"]
    kill(node.guardian.pid, signal.SIGSTOP)  # so that it cannot restart the agent between the two
    began = boot_ns()
    kill(agent)
    kill(node.guardian.pid)
    gone = node.wait_until_gone()
    measure("guardian and agent killed: PostgreSQL gone after", (gone - began) / MS)
    assert gone - began < 500 * MS
    wait_for(lambda: not alive(store))


def test_guardian_killed_leaves_a_standby_and_a_pause_alone(node):
    node.started(store=True).primary(ttl_ms=30000)
    node.ask("posture 1 1")
    agent = node.state()["agent"]
    kill(node.guardian.pid)
    wait_for(lambda: not alive(agent))
    assert alive(node.postmaster)
    node.guardian.wait()
    node.started(store=True)
    state = node.wait_for_state(postmaster=node.postmaster)
    assert state["is_child"] == 0 and state["fences"] == 0
    commits = node.commits()
    wait_for(lambda: node.commits() > commits + 10)


def kill_all_three(node):
    state = node.state()
    for name in ("guardian", "agent", "store"):
        kill(state[name], signal.SIGSTOP)
    for name in ("store", "agent", "guardian"):
        kill(state[name])
    node.guardian.wait()


def test_all_killed_and_restarted_within_the_lease_adopts(node, measure):
    node.started(store=True).primary(ttl_ms=5000)
    stray = int(node.ask("spawn /bin/sleep 1000"))
    kill_all_three(node)
    began = boot_ns()
    node.started(store=True)
    state = node.wait_for_state(postmaster=node.postmaster, agent_starts=2)
    measure("all three killed: adopted, agent running after (with process start and polling)", (boot_ns() - began) / MS)
    assert state["is_child"] == 0 and state["fences"] == 0
    wait_for(lambda: not alive(stray))
    commits = node.commits()
    wait_for(lambda: node.commits() > commits + 10)
    # And the adopted one is fenced as its own would be.
    end = int(node.ask("stop-renewing"))
    node.assert_fenced_before(end)


def test_all_killed_and_restarted_after_the_lease_is_fenced_first(node, measure):
    node.started(store=True).primary(ttl_ms=600)
    end = int(node.ask("valid-until"))
    kill_all_three(node)
    wait_for(lambda: boot_ns() > end + 700 * MS)
    assert alive(node.postmaster)
    began = boot_ns()
    node.start(store=True)
    measure("new guardian, expired lease: PostgreSQL gone after (with process start)", (node.wait_until_gone() - began) / MS)
    assert node.wait_for_state(fences=1)["reason"] == 1


def test_a_lost_page_is_an_expired_lease_for_what_a_guardian_started(node):
    node.started(store=True).primary(ttl_ms=30000)
    page = node.page()
    kill_all_three(node)
    page.unlink()
    node.start(store=True)
    node.wait_until_gone()
    assert node.wait_for_state(fences=1)["reason"] == 2


def test_a_garbled_page_is_an_expired_lease(node):
    node.started(store=True).primary(ttl_ms=30000)
    path = node.page()
    kill_all_three(node)
    with open(path, "r+b") as page:
        page.seek(512)
        page.write(os.urandom(1024))
    node.start(store=True)
    node.wait_until_gone()
    assert node.wait_for_state(fences=1)["reason"] == 3


def test_postmaster_killed_alone_takes_its_backends_along(node, measure):
    node.started().primary(ttl_ms=30000, writers=8)
    began = boot_ns()
    kill(node.postmaster)
    gone = node.wait_until_gone()
    measure("postmaster killed alone: every backend gone after", (gone - began) / MS)
    measure("postmaster killed alone: last acknowledged commit after", (node.last_ack() - began) / MS)
    assert gone - began < 500 * MS
    wait_for(lambda: f"ended 9 {node.postmaster}" in node.ask("news"))
    assert node.fork() != 0, "it can be started again at once"


def test_postmaster_killed_backends_survive_without_a_guardian(node):
    """The culprit that the test above must be able to catch: without a guardian they go on committing."""
    node.started().primary(ttl_ms=30000)
    state = node.state()
    for name in ("guardian", "agent"):
        kill(state[name], signal.SIGSTOP)
    kill(node.postmaster)
    wait_for(lambda: not alive(node.postmaster))
    for _ in range(5):
        seen = node.wal_position()
        wait_for(lambda: node.wal_position() != seen)
    assert all(alive(burner.pid) for burner in node.burners)


def test_an_orderly_stop_lets_the_logger_finish(node):
    node.started().primary(ttl_ms=30000)
    node.ask("posture 0 0")
    kill(node.postmaster, signal.SIGINT)
    wait_for(lambda: f"ended 0 {node.postmaster}" in node.ask("news"))
    assert node.state()["fences"] == 0
    logs = "".join(log.read_text() for log in (node.data / "log").iterdir())
    assert "database system is shut down" in logs


# ---- somebody sleeps -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("realtime", [True] * 5 + [False] * 2)
def test_whole_node_stopped_and_woken_after_the_lease(node, measure, realtime):
    node.started(store=True, realtime=realtime).primary(ttl_ms=600, writers=8)
    end = int(node.ask("valid-until"))
    tree = node.tree()
    for pid in tree:
        kill(pid, signal.SIGSTOP)
    wait_for(lambda: boot_ns() > end + 900 * MS)
    for pid in reversed(tree):  # PostgreSQL first, the guardian last
        if pid == node.guardian.pid:
            woke = boot_ns()
        wake(pid)
    gone = node.wait_until_gone()
    late = max(0, node.last_ack() - woke)
    state = node.wait_for_state(fences=1)
    how = "real-time" if state["realtime"] else "normal priority"
    measure(f"whole node stopped and woken, {how}: fence began after waking", (state["fence_began"] - woke) / MS)
    measure(f"whole node stopped and woken, {how}: SIGKILL sent to all after waking", (state["fence_killed"] - woke) / MS)
    measure(f"whole node stopped and woken, {how}: all gone after waking", (gone - woke) / MS)
    measure(f"whole node stopped and woken, {how}: last acknowledged commit after waking", late / MS)
    if state["realtime"]:
        assert late < 10 * MS, "a commit was acknowledged later than 10 ms after waking"
    assert state["fence_budget"] <= 400 * MS, "that it was asleep must not make it fence the next lease too early"


# ---- stopping ------------------------------------------------------------------------------------------------------

def test_sigterm_is_patronis_stop(node):
    node.started(store=True).primary(ttl_ms=2000)
    page = node.page()
    node.guardian.terminate()
    assert node.guardian.wait(timeout=10) == 0
    assert node.processes() == []
    assert not page.exists()
    assert "shut down" in subprocess.run([nodes.POSTGRES / "pg_controldata", node.data], capture_output=True, text=True).stdout


def test_sigterm_in_pause_leaves_postgres_alone(node):
    node.started(store=True).primary(ttl_ms=2000)
    node.ask("posture 1 1")
    node.guardian.terminate()
    assert node.guardian.wait(timeout=10) == 0
    assert alive(node.postmaster)
    commits = node.commits()
    wait_for(lambda: node.commits() > commits + 10)
    node.started(store=True)
    assert node.wait_for_state(postmaster=node.postmaster)["fences"] == 0


def test_a_stop_that_takes_too_long_ends_in_the_fence(node):
    (node.run / "ignore-sigterm").touch()
    node.started(stop_limit_ms=500).primary(ttl_ms=30000)
    node.guardian.terminate()
    assert node.guardian.wait(timeout=10) == 1
    assert node.processes() == []
    assert node.said("fence: stopping took too long")


def test_a_goodbye_ends_the_guardian_with_its_code(node):
    node.started(store=True)
    assert node.ask("goodbye 3").startswith("done")
    with pytest.raises((OSError, AssertionError)):
        node.ask("exit 0")
    assert node.guardian.wait(timeout=10) == 3


def test_a_hopeless_agent_ends_the_guardian(node):
    node.started()
    with pytest.raises((OSError, AssertionError)):
        node.ask("exit 78")
    assert node.guardian.wait(timeout=10) == 78


def test_a_hopeless_agent_does_not_take_postgres_along(node):
    node.started().primary(ttl_ms=2000)
    with pytest.raises((OSError, AssertionError)):
        node.ask("exit 78")
    node.wait_for_agent()
    assert node.state()["agent_starts"] == 2 and alive(node.postmaster)


def test_sighup_goes_to_the_agent(node):
    node.started()
    node.guardian.send_signal(signal.SIGHUP)
    wait_for(lambda: "reload" in node.ask("news"))


def test_a_second_guardian_is_refused(node):
    node.started()
    first = node.guardian
    assert node.start().wait(timeout=10) == 70
    assert node.said("another guardian runs in")
    node.guardian = first


# ---- replacing itself ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("by", ["signal", "request"])
def test_replacing_itself_keeps_everything(node, measure, by):
    node.started(store=True).primary(ttl_ms=1000)
    before = node.state()
    commits = node.commits()
    began = boot_ns()
    if by == "signal":
        node.guardian.send_signal(signal.SIGUSR2)
    else:
        assert node.ask("replace").startswith("done")
    after = node.wait_for_state(replacements=1)
    measure(f"replaced by {by}: the new one runs after (with trial and polling)", (boot_ns() - began) / MS)
    for name in ("guardian", "agent", "store", "postmaster", "is_child", "agent_starts", "fences"):
        assert after[name] == before[name], name
    assert parent_of(node.postmaster) == node.guardian.pid
    assert node.ask("posture 1 0").startswith("done"), "the agent's connection lives on"
    wait_for(lambda: node.commits() > commits + 10)
    kill(after["agent"])
    wait_for(lambda: node.state()["agent_starts"] == 2)
    node.wait_for_agent()
    end = int(node.ask("stop-renewing"))
    node.assert_fenced_before(end)


@pytest.mark.parametrize("successor", ["#!/bin/sh\nexit 3\n", "no program at all", None])
def test_a_bad_successor_is_not_executed(node, successor):
    node.started().primary(ttl_ms=1000)
    program = node.programs / "matriarch-guardian"
    program.unlink()
    if successor is not None:
        program.write_text(successor)
        program.chmod(0o755)
    node.guardian.send_signal(signal.SIGUSR2)
    wait_for(lambda: node.said("does not replace itself") or node.said("cannot replace itself"))
    assert node.guardian.poll() is None and alive(node.postmaster)
    end = int(node.ask("stop-renewing"))
    node.assert_fenced_before(end)


# ---- where control groups are ours ---------------------------------------------------------------------------------

@pytest.fixture
def delegated_group():
    """A group of version 2 that belongs to the guardian's user, as a service manager delegates it."""
    mounts = [line.split()[4] for line in open("/proc/self/mountinfo") if " - cgroup2 " in line]
    if not mounts or os.geteuid() != 0 or not os.access(mounts[0], os.W_OK):
        pytest.skip("no control groups of version 2 that we may delegate here")
    group = pathlib.Path(mounts[0]) / f"matriarch-test-{os.getpid()}"
    group.mkdir()
    user = nodes.pwd.getpwnam(nodes.USER)
    for path in (group, group / "cgroup.procs"):
        os.chown(path, user.pw_uid, user.pw_gid)
    yield group
    for child in [*group.glob("postgres-*"), group]:
        wait_for(lambda: not (child / "cgroup.procs").read_text())
        child.rmdir()


def test_postgres_is_killed_as_a_group(delegated_group, node, measure):
    node.start(inside=delegated_group)
    node.wait_for_agent()
    node.primary(ttl_ms=1000, writers=4)
    idle = [node.connect() for _ in range(100)]
    group, = delegated_group.glob("postgres-*")
    members = {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    assert members == set(node.processes()) and len(members) > len(idle)
    for pid in members:
        kill(pid, signal.SIGSTOP)
    end = int(node.ask("stop-renewing"))
    state = node.assert_fenced_before(end)
    measure("control group, 100 stopped backends: SIGKILL sent to all before the end", (end - state["fence_killed"]) / MS)
    wait_for(lambda: "fenced 1" in node.ask("news"))
    node.ask("posture 0 0")
    node.fork()  # and the group serves the next one


# ---- what it did not start -----------------------------------------------------------------------------------------

def start_by_hand(node):
    subprocess.run(nodes.as_user([nodes.POSTGRES / "pg_ctl", "-w", "-D", node.data, "-l", node.directory / "byhand.log", "-o",
                                  f"-k {node.directory}", "start"]), check=True, stdout=subprocess.DEVNULL, cwd="/",
                   start_new_session=True)
    node.postmaster = int((node.data / "postmaster.pid").read_text().splitlines()[0])


def test_a_primary_started_by_hand_is_guarded_from_its_first_lease(node):
    start_by_hand(node)
    node.prepare()
    node.started().busy(4)
    node.ask("posture 1 0")
    assert node.ask(f"adopt {node.postmaster}").startswith("done")
    assert node.ask("posture 1 0").startswith("done")
    assert node.state()["foreign"] == 1 and alive(node.postmaster)
    assert node.ask("lease 1000").startswith("done")
    assert node.state()["foreign"] == 0
    end = int(node.ask("stop-renewing"))
    node.assert_fenced_before(end)


def test_an_adopted_postmaster_killed_alone_takes_its_backends_along(node, measure):
    start_by_hand(node)
    node.prepare()
    node.started().busy(8)
    assert node.ask(f"adopt {node.postmaster}").startswith("done")
    began = boot_ns()
    kill(node.postmaster)
    gone = node.wait_until_gone()
    measure("adopted postmaster killed alone: every backend gone after", (gone - began) / MS)
    assert gone - began < 500 * MS


def test_only_a_postgres_of_the_directory_is_adopted(node):
    node.started()
    assert node.ask(f"adopt {os.getpid()}").startswith("refused")
    assert node.ask("adopt 999999999").startswith("refused")
