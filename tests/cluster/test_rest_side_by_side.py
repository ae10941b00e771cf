"""A cluster of Patroni and a cluster of Matriarch are driven into the same situations, and every node is asked the same questions.

Statuses must be equal for GET, HEAD and OPTIONS, and so must the fields of the documents with their types (with their values, where words or
flags carry the meaning) and the metrics. INTENDED lists the differences that are meant; one of them that is gone is as wrong as one that is new.
Situations that pass by themselves (a promotion, a demotion under way) are rows of tests/unit/rest/health_test.cpp only.
"""
import concurrent.futures
import http.client
import json
import re
import signal
import time
from typing import Callable, NamedTuple

import pytest
from herd import system
from herd.patroni import SiteHerd

pytestmark = pytest.mark.long

TTL_S = 20
# n2 is what a standby is as a rule; n3 is kept from load balancers and from synchronous duty.
TAGS = {"n1": {"zone": "north"}, "n2": {"zone": "west", "weight": 3, "spare": True}, "n3": {"zone": "east", "noloadbalance": True, "nosync": True}}


# ---- what is asked ----

METHODS = ("GET", "HEAD", "OPTIONS")
PATHS = (
    "/", "/?lag=1kB", "//primary", "/primary", "/primary?lag=1kB", "/primary?tag_zone=nowhere", "/primary/", "/master", "/read-write", "/%70rimary", "/PRIMARY",
    "/leader", "/leader?tag_zone=nowhere", "/foo/leader", "/standby-leader", "/standby_leader",
    "/replica", "/replica/", "/replica?lag=1kB", "/replica?lag=1GB", "/replica?lag=0", "/replica?lag=-1", "/replica?lag=1M", "/replica?lag=", "/replica?lag=1kB&lag=1GB",
    "/replica?replication_state=streaming", "/replica?replication_state=in%20archive%20recovery", "/replica?replication_state=in+archive+recovery",
    "/replica?replication_state=", "/replica?tag_zone=west", "/replica?tag_zone=WEST", "/replica?tag_zone=nowhere", "/replica?tag_zone=", "/replica?tag_none=1",
    "/replica?tag_weight=3", "/replica?tag_spare=true", "/replica?tag_spare=True", "/replica?tag_noloadbalance=false", "/replica?tag_zone=west&tag_weight=3&lag=1GB",
    "/replica?unknown=1",
    "/read-only", "/read-only/", "/read-only?lag=1kB", "/read-only?tag_zone=north", "/read-only?tag_zone=west",
    "/sync", "/synchronous", "/sync/", "/sync?lag=1kB", "/sync?tag_zone=nowhere", "/async", "/asynchronous", "/async/", "/async?lag=1kB", "/quorum", "/quorum?lag=1kB",
    "/read-only-sync", "/read-only-synchronous", "/read-only-sync?lag=1kB", "/read-only-quorum", "/read-only-quorum?tag_zone=north",
    "/health", "/healthz", "/health?tag_zone=nowhere", "/health?tag_zone=west",
    "/liveness", "/liveness?lag=1kB", "/readiness", "/readiness?lag=1kB", "/readiness?lag=1GB", "/readiness?lag=1kB&mode=write", "/readiness?lag=1kB&mode=apply",
    "/readiness?lag=soon", "/nowhere",
    "/patroni", "/patroni/deeper", "/cluster", "/history", "/config", "/failsafe", "/metrics",
    "/restart", "/switchover", "/failover", "/reinitialize", "/reload", "/sigterm", "/citus", "/mpp",
)
DOCUMENTS = ("/patroni", "/primary", "/nowhere", "/cluster", "/history", "/config", "/failsafe")

# Words of the documents that must be the same; of the other values the type.
SAME_WORDS = {"state", "role", "replication_state", "sync_state", "name", "scope", "application_name", "usename", "zone"}
# Metrics of which only the sign must be the same.
ANY_NUMBER = re.compile(r"patroni_(version|postmaster_start_time|xlog_.*location|xlog_replayed_timestamp|postgres_server_version|dcs_last_seen)")


def ask(node, method, path):
    """(status, body); the status is a word when there is none."""
    connection = http.client.HTTPConnection(node.host, node.rest_port, timeout=15)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except TimeoutError:
        return "late", ""
    except (OSError, http.client.HTTPException):
        return "dropped", ""
    finally:
        connection.close()


def fields(value, place="", key=""):
    """A document as {place: type or word}."""
    if isinstance(value, dict):
        return {place: "object"} | {k: v for name, inner in value.items() for k, v in fields(inner, f"{place}.{name}", name).items()}
    if isinstance(value, list):
        found = {place: "array" if value else "empty array"}
        for inner in value:
            index = (inner.get("name") or inner.get("application_name") or "") if isinstance(inner, dict) else ""
            found |= fields(inner, f"{place}[{index}]")
        return found
    is_said = isinstance(value, bool) or key in SAME_WORDS
    return {place: json.dumps(value) if is_said else "null" if value is None else type(value).__name__}


def metrics(text):
    """{name: type and value}"""
    types = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)$", text))
    found = {}
    for name, labels, value in re.findall(r"(?m)^(\w+)\{(.*)\} (\S+)$", text):
        number = float(value)
        shown = ("positive" if number > 0 else value) if ANY_NUMBER.fullmatch(name) else f"{number:g}"
        found[name] = f"{types.get(name)} {shown} {labels}"
    return found


def answers_of(node):
    """{question: answer} of everything that is asked of a node."""
    found = {f"{method} {path}": str(ask(node, method, path)[0]) for path in PATHS for method in METHODS}
    for path in DOCUMENTS:
        _, body = ask(node, "GET", path)
        try:
            found |= {f"fields of {path} {place}": kind for place, kind in fields(json.loads(body)).items()}
        except ValueError:
            found[f"fields of {path}"] = "no JSON"
    for name, value in metrics(ask(node, "GET", "/metrics")[1]).items():
        found[f"metric {name}"] = value
    return found


# ---- how a cluster is driven ----

def await_all(herd, condition, what, deadline_s=90):
    """Until the condition holds for the document of every node."""
    def holds():
        return all(condition(node.status()) for node in herd.nodes)
    system.wait_until(holds, deadline_s, f"{what} on every node{herd.diagnosis}")


def await_status(herd, node, path, status, deadline_s=90):
    system.wait_until(lambda: ask(node, "GET", path)[0] == status, deadline_s, f"{status} of {path} on {node.name}{herd.diagnosis}")


def send(node, method, path, body):
    connection = http.client.HTTPConnection(node.host, node.rest_port, timeout=60)
    try:
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    assert answer.status in (200, 202), f"{method} {path} {body}: {answer.status} {text}"


def configure(herd, **changes):
    send(herd.nodes[0], "PATCH", "/config", changes)


def settle(herd):
    """As at the beginning: n1 leads, both others stream and have everything."""
    first = herd.nodes[0]
    leader = herd.wait_healthy(120)
    if leader is not first:
        send(leader, "POST", "/switchover", {"leader": leader.name, "candidate": first.name})
        herd.wait_leader(60, other_than=leader)
        herd.wait_healthy(120)
    for node in herd.nodes[1:]:
        await_status(herd, node, "/replica?lag=0" if node.name == "n2" else "/readiness?lag=1kB", 200)
    system.wait_until(lambda: all(member["state"] in ("running", "streaming") and member.get("lag", 0) == 0 for member in first.members() or [{"state": ""}]), 60,
                      f"everybody is up to date in the store{herd.diagnosis}")


def is_without_store(status):
    return status.get("cluster_unlocked") and time.time() - status["dcs_last_seen"] > TTL_S + 3


def late_replay(herd):
    primary, standby, _ = herd.nodes
    standby.query("SELECT pg_wal_replay_pause()")
    connection = primary.connect()
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE ballast AS SELECT repeat('x', 1000) FROM generate_series(1, 300)")
    connection.close()
    await_status(herd, standby, "/replica?lag=1kB", 503)
    await_status(herd, standby, "/replica?lag=1GB", 200)
    system.wait_until(lambda: next(member for member in primary.members() if member["name"] == "n2")["replay_lag"] not in (0, "unknown"), 60, f"the lag is known{herd.diagnosis}")


def replay_again(herd):
    herd.nodes[1].query("SELECT pg_wal_replay_resume()")
    settle(herd)


def synchronous(herd):
    configure(herd, synchronous_mode=True)
    await_status(herd, herd.nodes[1], "/sync", 200)
    await_sync_state(herd, "sync")


def quorum(herd):
    configure(herd, synchronous_mode="quorum")
    await_status(herd, herd.nodes[1], "/quorum", 200)
    await_sync_state(herd, "quorum")


def await_sync_state(herd, wanted):
    def states():
        return {row["application_name"]: row["sync_state"] for row in herd.nodes[0].status().get("replication", [])}
    system.wait_until(lambda: states() == {"n2": wanted, "n3": "async"}, 60, f"n2 is {wanted}{herd.diagnosis}")


def asynchronous(herd):
    configure(herd, synchronous_mode=None)
    await_status(herd, herd.nodes[1], "/async", 200)
    await_sync_state(herd, "async")


def stream_nothing(herd, nostream=True):
    standby = herd.nodes[1]
    standby.extra = {"tags": TAGS["n2"] | ({"nostream": True} if nostream else {})}
    standby.write_settings()
    send(standby, "POST", "/reload", {})
    if nostream:
        system.wait_until(lambda: "replication_state" not in standby.status() and "nostream" in standby.status().get("tags", {}), 60, f"n2 does not stream{herd.diagnosis}")
        system.wait_until(lambda: next(member for member in herd.nodes[0].members() if member["name"] == "n2")["state"] == "running", 60, f"the store knows{herd.diagnosis}")


def stream_again(herd):
    stream_nothing(herd, nostream=False)
    settle(herd)


def pause(herd):
    configure(herd, pause=True)
    await_all(herd, lambda status: status.get("pause"), "pause")


def freeze_store(herd):
    herd.etcd.freeze()
    await_all(herd, is_without_store, "no store for longer than a lease")


def thaw_store_in_pause(herd):
    herd.etcd.thaw()
    await_all(herd, lambda status: not status.get("cluster_unlocked"), "a leader again")
    await_status(herd, herd.nodes[0], "/readiness", 200)


def kill_postgres(node):
    system.send(system.family(node.postmaster()), signal.SIGKILL)


def kill_standby(herd):
    """Nobody starts it again in pause."""
    standby = herd.nodes[1]
    kill_postgres(standby)
    system.wait_until(lambda: standby.status().get("state") not in (None, "running"), 60, f"the server of n2 is missed{herd.diagnosis}")
    system.wait_until(lambda: next(member for member in herd.nodes[0].members() if member["name"] == "n2")["state"] not in ("running", "streaming"), 60,
                      f"the store knows{herd.diagnosis}")


def kill_primary(herd):
    primary = herd.nodes[0]
    kill_postgres(primary)
    system.wait_until(lambda: primary.status().get("state") not in (None, "running"), 60, f"the server of n1 is missed{herd.diagnosis}")
    await_all(herd, lambda status: status.get("cluster_unlocked"), "no leader")
    system.wait_until(lambda: all(member["role"] == "replica" for member in herd.nodes[2].members()), 60, f"the store knows no leader{herd.diagnosis}")


def resume(herd):
    send(herd.nodes[2], "PATCH", "/config", {"pause": None})
    await_all(herd, lambda status: "pause" not in status, "an end of the pause")
    settle(herd)


def lose_store(herd):
    """The primary steps down and becomes a standby of nobody."""
    freeze_store(herd)
    system.wait_until(lambda: (status := herd.nodes[0].status()).get("role") == "replica" and status.get("state") == "running", 90, f"n1 runs as a standby{herd.diagnosis}")


def find_store(herd):
    herd.etcd.thaw()
    settle(herd)


def failsafe(herd):
    configure(herd, failsafe_mode=True)
    for node in herd.nodes:
        system.wait_until(lambda: len(json.loads(ask(node, "GET", "/failsafe")[1] or "{}")) == 3, 60, f"{node.name} knows whom to ask{herd.diagnosis}")
    herd.etcd.freeze()
    await_all(herd, lambda status: status.get("failsafe_mode_is_active") and is_without_store(status), "failsafe")


def end_of_failsafe(herd):
    herd.etcd.thaw()
    await_all(herd, lambda status: not status.get("cluster_unlocked") and not status.get("failsafe_mode_is_active"), "the store again")
    configure(herd, failsafe_mode=None)
    settle(herd)


def standby_cluster(herd):
    """Of an archive that has nothing: it needs no other cluster."""
    configure(herd, standby_cluster={"restore_command": "/bin/false"})
    await_status(herd, herd.nodes[0], "/standby-leader", 200)
    system.wait_until(lambda: herd.nodes[0].status().get("replication_state") == "in archive recovery", 60, f"n1 looks into the archive{herd.diagnosis}")
    for node in herd.nodes[1:]:
        system.wait_until(node.is_streaming, 90, f"{node.name} streams{herd.diagnosis}")
    system.wait_until(lambda: [member["state"] for member in herd.nodes[0].members()] == ["in archive recovery", "streaming", "streaming"], 60, f"the store knows{herd.diagnosis}")


def end_of_standby_cluster(herd):
    configure(herd, standby_cluster=None)
    await_status(herd, herd.nodes[0], "/primary", 200)
    system.wait_until(lambda: herd.nodes[0].status().get("role") == "primary", 60, f"n1 is a primary{herd.diagnosis}")
    settle(herd)


class Situation(NamedTuple):
    name: str
    enter: Callable
    leave: Callable = lambda herd: None


SITUATIONS = (
    Situation("all is well", settle),
    Situation("n2 replays late", late_replay, replay_again),
    Situation("n2 does not stream", stream_nothing, stream_again),
    Situation("synchronous", synchronous),
    Situation("quorum", quorum, asynchronous),
    Situation("standby cluster", standby_cluster, end_of_standby_cluster),
    Situation("failsafe", failsafe, end_of_failsafe),
    Situation("no store", lose_store, find_store),
    Situation("paused", pause),
    Situation("paused, no store", freeze_store, thaw_store_in_pause),
    Situation("paused, n2 killed", kill_standby),
    Situation("paused, n1 killed too", kill_primary, resume),
    Situation("all is well again", settle),
)


# ---- the differences that are meant ----

class Intended(NamedTuple):
    where: str  # a regular expression for "SITUATION | NODE | QUESTION"
    patroni: str  # one for its answer
    matriarch: str
    why: str


READ_ROUTES = "/(patroni|cluster|history|config|failsafe|metrics|liveness|readiness)"
INTENDED: tuple[Intended, ...] = (
    Intended(rf".* \| (HEAD|OPTIONS) {READ_ROUTES}.*", "503", "200|503|502", "the status of GET (docs/rest.md): a probe by HEAD means what it says"),
    Intended(r".* \| fields of \S+ \.matriarch(\..*)?", "absent", ".*", "a field of our own (docs/rest.md)"),
    Intended(r".* \| metric matriarch_.*", "absent", ".*", "a metric of our own (docs/rest.md)"),
    Intended(r".*no store \| n\d \| GET /(cluster|history|config)", "dropped", "503", "an answer instead of a dropped connection (docs/rest.md)"),
)


# ---- playing it ----

@pytest.fixture(scope="module")
def sites(build):
    """(all Patroni, all Matriarch)"""
    with SiteHerd(build, ["patroni"] * 3, dynamic={"ttl": TTL_S}) as patroni, SiteHerd(build, ["matriarch"] * 3, dynamic={"ttl": TTL_S}) as matriarch:
        for herd in (patroni, matriarch):
            for node in herd.nodes:
                node.extra = {"tags": TAGS[node.name]}
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda herd: herd.start(120), (patroni, matriarch)))
        yield patroni, matriarch


def play(herd):
    """{"SITUATION | NODE | QUESTION": answer}"""
    answers = {}
    for situation in SITUATIONS:
        situation.enter(herd)
        for node in herd.nodes:
            answers |= {f"{situation.name} | {node.name} | {question}": answer for question, answer in answers_of(node).items()}
        situation.leave(herd)
    return answers


def test_both_answer_alike(sites):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        patroni, matriarch = pool.map(play, sites)
    asked = [where for where in patroni if re.search(r" \| (GET|HEAD|OPTIONS) ", where)]
    assert len(asked) == len(SITUATIONS) * 3 * len(PATHS) * len(METHODS) > 5000
    assert sum("fields of" in where for where in patroni) > 1000 and sum("| metric" in where for where in patroni) > 900

    unmeant, used = [], set()
    for where in sorted(patroni.keys() | matriarch.keys(), key=list(patroni | matriarch).index):
        theirs, ours = patroni.get(where, "absent"), matriarch.get(where, "absent")
        if theirs == ours:
            continue
        rows = {row for row in INTENDED if re.fullmatch(row.where, where) and re.fullmatch(row.patroni, theirs) and re.fullmatch(row.matriarch, ours)}
        used |= rows
        if not rows:
            unmeant.append(f"{where}: Patroni {theirs}, Matriarch {ours}")
    assert not unmeant, f"{len(unmeant)} differences:\n" + "\n".join(unmeant)
    assert [row for row in INTENDED if row not in used] == [], "these no longer differ: take them off the table"
