"""One operator's session, twice: on a cluster of Patroni with Patroni's tool, and on a cluster of Matriarch with ours called `patronictl`.

Exit code, standard output and standard error of every step must be the same once SUBSTITUTIONS have replaced what no two clusters share.
INTENDED lists the differences that are meant; one of them that is gone is as wrong as one that is new.
"""
import concurrent.futures
import difflib
import json
import re
import shlex
import subprocess
from typing import Callable, NamedTuple

import pytest
import yaml
from herd import system
from herd.patroni import SiteHerd

pytestmark = pytest.mark.long

TOOL_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "Europe/Berlin", "COLUMNS": "80"}
STEP_PATIENCE_S = 120
SETTLING_S = 40
NEVER_ANSWERED = "no end"


# ---- what the clusters must look like before the next step ----

class View:
    """What the leader says of its cluster."""

    def __init__(self, herd):
        self.members, self.document, self.history = {}, {}, []
        if leader := herd.leader():
            (code, body), (history_code, history) = leader.get("/cluster", timeout=5), leader.get("/history", timeout=5)
            if code == history_code == 200:
                self.document, self.history = json.loads(body), json.loads(history)
                self.members = {member["name"]: member for member in self.document["members"]}

    def has(self, flag):
        """Names of the members that carry it."""
        return sorted(name for name, member in self.members.items() if member.get(flag))

    def leader(self):
        return next((name for name, member in self.members.items() if member["role"] == "leader"), None)

    def is_at_rest(self):
        """Everybody runs on the leader's timeline and has all of its WAL, and the last change of timeline is written down."""
        states = sorted((member["role"], member["state"], member.get("lag", 0)) for member in self.members.values())
        timelines = {member.get("timeline") for member in self.members.values()}
        if states != [("leader", "running", 0), *[("replica", "streaming", 0)] * 2] or len(timelines) != 1:
            return False
        return len(self.history) == timelines.pop() - 1 and all(len(row) == 5 for row in self.history)


def carry(flag, *names):
    return lambda view: view.has(flag) == sorted(names)


def leads(name):
    return lambda view: view.leader() == name


# ---- the session ----

class Step(NamedTuple):
    name: str
    words: str  # after `patronictl -c FILE`, quoted as for a shell; FILES is a directory of the test's own
    answers: str = ""  # what is typed at the tool's questions
    until: Callable = lambda view: True  # besides rest
    draws_change: bool = False  # its table shows members on their way from one state to another: only names, hosts and headings count
    renews: str = ""  # the member whose server it replaces


FORMATS = ("pretty", "json", "yaml", "tsv")
COMMANDS = ("demote-cluster", "dsn", "edit-config", "failover", "flush", "history", "list", "pause", "promote-cluster", "query", "reinit", "reload", "remove",
            "restart", "resume", "show-config", "switchover", "topology", "version")


def in_every_format(name, words):
    return [Step(f"{name}, {form}", f"{words} -f {form}") for form in FORMATS]


SESSION = [
    # ---- looking at a healthy cluster ----
    *in_every_format("list", "list site"),
    Step("list without a name", "list"),
    Step("list in yml", "list -f yml"),
    Step("list extended", "list -e site"),
    Step("list extended, json", "list -e -fjson site"),
    Step("list with the time", "list -t site"),
    Step("list two clusters, one unknown", "list site nowhere"),
    Step("list an unknown cluster, json", "list nowhere -f json"),
    Step("topology", "topology site"),
    Step("topology of an unknown cluster", "topology nowhere"),
    *in_every_format("history of a young cluster", "history site"),
    Step("history of an unknown cluster", "history nowhere"),
    Step("show-config", "show-config site"),
    Step("show-config of an unknown cluster", "show-config nowhere"),
    Step("dsn", "dsn site"),
    Step("dsn of a replica", "dsn -r replica"),
    Step("dsn of the primary", "dsn site --role primary"),
    Step("dsn of a standby leader", "dsn site -r standby-leader"),
    Step("dsn of anybody", "dsn -r any"),
    Step("dsn of a member", "dsn -m n2"),
    Step("dsn of an unknown member", "dsn -m n9"),
    Step("dsn of member and role", "dsn -m n2 -r any"),
    Step("dsn of an unknown cluster", "dsn nowhere"),
    Step("version of the tool", "version"),
    Step("version of all", "version site"),
    Step("version of a member", "version site n2"),
    Step("version of an unknown member", "version site n9"),
    Step("version of an unknown cluster", "version nowhere"),
    Step("query", "query site -c 'SELECT 1' -U postgres -d postgres"),

    # ---- misuse ----
    Step("no command", ""),
    Step("help", "--help"),
    *[Step(f"help of {command}", f"{command} --help") for command in COMMANDS],
    Step("unknown command", "frobnicate"),
    Step("unknown option", "list --frobnicate"),
    Step("option with a typing error", "list --extendet"),
    Step("unknown format", "list -f xml"),
    Step("unknown role", "dsn -r boss"),
    Step("cluster forgotten", "reload"),
    Step("one word too many", "history site site"),
    Step("watch interval that is no number", "list -w soon"),

    # ---- the configuration ----
    Step("set what is so already", "edit-config site -s loop_wait=2 --force"),
    Step("set what is so already, quietly", "edit-config site -q -s loop_wait=2 --force"),
    Step("set", "edit-config site --set maximum_lag_on_failover=2097152 --force"),
    Step("set quietly", "edit-config -q --set maximum_lag_on_failover=3145728 --force"),
    Step("set a parameter", "edit-config site --pg work_mem=8MB --force"),
    Step("set, declined", "edit-config site -s ttl=25", "n\n"),
    Step("set, confirmed", "edit-config site -s ttl=25", "y\n"),
    Step("set, no answer", "edit-config site -s ttl=24"),
    Step("set structures", "edit-config site -s 'our_notes=[a, {b: 1, c: ~}, \"on\", 010, 1.5]' -s 'our_map.deep.er=yes' --force"),
    Step("show-config with structures", "show-config site"),
    Step("remove", "edit-config site -s maximum_lag_on_failover=null -s our_notes=~ -s our_map.deep.er= -s ttl=20 --force"),
    Step("set without a value", "edit-config site -s nonsense --force"),
    Step("apply from standard input without force", "edit-config site --apply -", "loop_wait: 3\n"),
    Step("apply from standard input", "edit-config site --apply - --force", "retry_timeout: 4\nour_notes: {a: 1}\n"),
    Step("apply a list", "edit-config site --apply - --force", "- 1\n"),
    Step("apply a missing file", "edit-config site --apply FILES/missing.yml --force"),
    Step("replace from a file", "edit-config site --replace FILES/config.yml --force"),
    Step("edit in the editor, declined", "edit-config site", "n\n"),
    Step("edit in the editor", "edit-config site", "y\n"),
    Step("edit-config of an unknown cluster", "edit-config nowhere -s a=b --force"),
    Step("set what needs a restart", "edit-config site -p max_files_per_process=900 -p autovacuum_max_workers=4 --force", until=carry("pending_restart", "n1", "n2", "n3")),
    *in_every_format("list with a pending restart", "list site"),
    Step("topology with a pending restart", "topology site"),

    # ---- restart ----
    Step("restart pending, asked for one", "restart site n2 --pending", "\ny\n\n", carry("pending_restart", "n1", "n3")),
    Step("restart pending, where nothing is", "restart site n2 --pending --force"),
    Step("restart pending, all", "restart site --pending --force", until=carry("pending_restart")),
    Step("restart one", "restart site n3 --force"),
    Step("restart all", "restart site --force"),
    Step("restart the replicas", "restart site -r replica --force"),
    Step("restart any of one", "restart site n3 --any --force"),
    Step("restart, asked", "restart site n3", "now\ny\n\n"),
    Step("restart, declined", "restart site n3", "\nn\n"),
    Step("restart, no answer", "restart site n3"),
    Step("restart an unknown member", "restart site n9 --force"),
    Step("restart a known and an unknown member", "restart site n3 n9 --force"),
    Step("restart a replica that leads", "restart site n1 -r replica --force"),
    Step("restart an unknown cluster", "restart nowhere --force"),
    Step("restart older versions only", "restart site n3 --pg-version 14.0 --force"),
    Step("restart below a version that is none", "restart site n3 --pg-version x.y --force"),
    Step("restart below an incomplete version", "restart site n3 --pg-version 9 --force"),
    Step("restart with a timeout that is none", "restart site n3 --timeout soon --force"),
    Step("restart at a time that is none", "restart site n3 --scheduled soonish --force"),
    Step("restart in the past", "restart site n3 --scheduled 2020-01-01T00:00Z --force"),
    Step("schedule a restart, local time", "restart site n3 --scheduled 2035-05-29T04:32 --force", until=carry("scheduled_restart", "n3")),
    *in_every_format("list with a scheduled restart", "list site"),
    Step("schedule a restart twice, declined", "restart site n3 --scheduled 2035-05-29T05:32Z", "n\n"),
    Step("schedule a restart twice", "restart site n3 --scheduled 2035-05-29T05:32Z", "y\n\n"),
    Step("schedule a restart twice, by force", "restart site n3 --scheduled '2035-05-29 06:32:01.5 +05:30' --pg-version 16.2 --force", until=carry("scheduled_restart", "n3")),
    Step("list with a restart by version", "list site"),
    Step("flush the restart, declined", "flush site n3 restart", "n\n"),
    Step("flush the restart", "flush site n3 restart --force", until=carry("scheduled_restart")),
    Step("flush restarts, where none is", "flush site restart", "y\n"),
    Step("flush restarts of an unknown member", "flush site n9 restart --force"),
    Step("flush what is no target", "flush site n3"),
    Step("schedule pending restarts", "restart site --pending --scheduled 2035-05-29T04:32Z", "n\n"),

    # ---- reload, reinit ----
    Step("reload", "reload site --force"),
    Step("reload, asked", "reload site n2 n3", "y\n"),
    Step("reload, declined", "reload site n2", "n\n"),
    Step("reload an unknown member", "reload site n9 --force"),
    Step("reload an unknown cluster", "reload nowhere --force"),
    Step("reinit", "reinit site n3 --force --wait", renews="n3"),
    Step("reinit, asked", "reinit site --wait", "n2\ny\n", renews="n2"),
    Step("reinit from the leader", "reinit site n3 --force --from-leader --wait", renews="n3"),
    Step("reinit, declined", "reinit site n3", "n\n"),
    Step("reinit nobody", "reinit site --force"),
    Step("reinit the leader", "reinit site n1 --force"),
    Step("reinit an unknown member", "reinit site n9 --force"),
    Step("reinit an unknown member, asked", "reinit site", "n9\n"),
    Step("reinit in an unknown cluster", "reinit nowhere --force"),

    # ---- pause ----
    Step("pause", "pause site --wait", until=lambda view: view.document.get("pause")),
    *in_every_format("list in pause", "list site"),
    Step("topology in pause", "topology site"),
    Step("show-config in pause", "show-config site"),
    Step("pause twice", "pause site"),
    Step("switchover to anybody in pause", "switchover site --force"),
    Step("schedule a switchover in pause", "switchover site --candidate n2 --scheduled 2035-05-29T04:32Z --force"),
    Step("schedule a restart in pause", "restart site n3 --scheduled 2035-05-29T04:32Z --force"),
    Step("restart in pause", "restart site n3 --force"),
    Step("resume", "resume site --wait", until=lambda view: not view.document.get("pause")),
    Step("resume twice", "resume site --wait"),
    Step("pause without waiting", "pause", until=lambda view: view.document.get("pause")),
    Step("resume without waiting", "resume", until=lambda view: not view.document.get("pause")),
    Step("pause an unknown cluster", "pause nowhere"),
    Step("resume an unknown cluster", "resume nowhere --wait"),

    # ---- switchover ----
    Step("switchover", "switchover site --candidate n2 --force", until=leads("n2"), draws_change=True),
    Step("switchover, asked", "switchover site", "\nn1\n\ny\n", leads("n1"), draws_change=True),
    Step("switchover, declined", "switchover site", "n1\nn3\nnow\nn\n"),
    Step("switchover, no answer", "switchover site"),
    Step("switchover from a replica", "switchover site --leader n3 --force"),
    Step("switchover from an unknown member", "switchover site --primary n9 --candidate n2 --force"),
    Step("switchover to an unknown member", "switchover site --candidate n9 --force"),
    Step("switchover to the leader", "switchover site --candidate n1 --force"),
    Step("switchover of an unknown cluster", "switchover nowhere --force"),
    Step("switchover at a time that is none", "switchover site --candidate n2 --scheduled soonish --force"),
    Step("switchover in the past", "switchover site --candidate n2 --scheduled 2020-01-01T00:00Z --force"),
    Step("schedule a switchover", "switchover site --candidate n2 --scheduled 2035-05-29T04:32Z --force", until=lambda view: "scheduled_switchover" in view.document),
    *in_every_format("list with a scheduled switchover", "list site"),
    Step("topology with a scheduled switchover", "topology site"),
    Step("flush the switchover", "flush site switchover --force", until=lambda view: "scheduled_switchover" not in view.document),
    Step("flush the switchover, where none is", "flush site switchover"),
    Step("schedule a switchover, asked, local time", "switchover site", "n1\n\n2035-01-29T04:32\ny\n", until=lambda view: "scheduled_switchover" in view.document),
    Step("list with a switchover to anybody", "list site"),
    Step("schedule a switchover, declined", "switchover site --candidate n3 --scheduled 2035-01-29T04:32", "n1\nn\n"),
    Step("flush the switchover to anybody", "flush site switchover", until=lambda view: "scheduled_switchover" not in view.document),
    Step("failover", "failover site --candidate n3 --force", until=leads("n3"), draws_change=True),
    Step("failover to the leader", "failover site --candidate n3 --force"),
    Step("failover to nobody", "failover site --force"),
    Step("failover to an unknown member", "failover site --candidate n9 --force"),
    Step("failover, declined", "failover site", "n1\nn\n"),
    Step("switchover back", "switchover site --primary n3 --candidate n1 --force", until=leads("n1"), draws_change=True),
    *in_every_format("history", "history site"),
    Step("list at last", "list site"),

    # ---- what is dangerous, and not done here ----
    Step("remove, another name", "remove site", "other\n"),
    Step("remove, unaware", "remove site", "site\nYes\n"),
    Step("remove, another leader", "remove site", "site\nYes I am aware\nn9\n"),
    Step("demote-cluster to nowhere", "demote-cluster site --force"),
    Step("demote-cluster, declined", "demote-cluster site --host 127.0.0.1 --port 5", "n\n"),
    Step("promote-cluster, where nothing is to do", "promote-cluster site --force"),
]


# ---- what two clusters cannot share ----

class Substitution(NamedTuple):
    name: str
    pattern: str
    text: str  # as long as what it replaces, or tables would move


SUBSTITUTIONS = [
    Substitution("system identifier", r"\b7\d{18}\b", "7" + "0" * 18),
    Substitution("LSN", r"\b0/[0-9A-F]{7}\b", "0/LLLLLLL"),
    Substitution("LSN in bytes, of the history", r"\b\d{9}\b", "BBBBBBBBB"),
    Substitution("time of a change of leader", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", "YYYY-MM-DDThh:mm:ss.ffffff+00:00"),
    Substitution("time of a result", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{5}\b", "YYYY-MM-DD hh:mm:ss.fffff"),
    Substitution("time of a list", r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "YYYY-MM-DD hh:mm:ss"),
    Substitution("time of a line of Patroni's log", r"(?m)^YYYY-MM-DD hh:mm:ss,\d{3} - ", "YYYY-MM-DD hh:mm:ss,fff - "),
    Substitution("example of a time", r"\(e\.g\. \d{4}-\d\d-\d\dT\d\d:\d\d ", "(e.g. YYYY-MM-DDThh:mm "),
    Substitution("example of a time at the end", r"\(e\.g\. \d{4}-\d\d-\d\dT\d\d:\d\d\)", "(e.g. YYYY-MM-DDThh:mm)"),
    Substitution("release of Patroni, run or stood for", r"\b((?:patronictl version|Patroni) 4\.1)\.\d+", r"\1.x"),
    Substitution("quotes of older versions of Python's click", r"No such option: (\S+)", r"No such option '\1'."),
    Substitution("order of a set of Python's", r"reinitialize \[n3, n2\]", "reinitialize [n2, n3]"),
    Substitution("Python's traceback", r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*", "Traceback: "),
]

A_ROW = re.compile(r"^(\| n\d +\| 127\.0\.0\.1:\d+ +\|).*$", re.MULTILINE)
A_RULE = re.compile(r"^\+[-+]*-\+$", re.MULTILINE)


def comparable(herd, step, text):
    for node in herd.nodes:
        text = text.replace(f"127.0.0.1:{node.postgres_port}", f"127.0.0.1:5000{node.index}").replace(f"port={node.postgres_port}", f"port=5000{node.index}")
        text = text.replace(f"port {node.postgres_port}", f"port 5000{node.index}")
        text = text.replace(f"127.0.0.1:{node.rest_port}", f"127.0.0.1:8000{node.index}")
    text = text.replace(str(herd.work), "WORK")
    for substitution in SUBSTITUTIONS:
        text = re.sub(substitution.pattern, substitution.text, text)
    if "--help" in step.words:  # whoever reads it is no script: its words are free, its options are not
        columns = re.findall(r"(?m)^  (-.*?)(?:  |$)", text)
        options = [option for column in columns for option in re.findall(r"(?<![-\w])--?[A-Za-z][-a-z]*", column)]
        return "\n".join(sorted(options + re.findall(r"(?m)^ {2,4}([a-z][-a-z]+)  ", text.partition("Commands:")[2])))
    if step.draws_change:  # the first table is drawn before the change
        before, mark, after = text.partition("YYYY-MM-DD hh:mm:ss.fffff")
        after = re.sub(r"(?m)^\+ Cluster.*$|^\| Member.*$", lambda found: " ".join(found.group().split())[:20], after)
        text = before + mark + A_RULE.sub("+-+", A_ROW.sub(r"\1 (changes)", after))
    return text


# ---- the differences that are meant ----

class Intended(NamedTuple):
    steps: tuple[str, ...]  # names, whole
    patroni: str  # the lines that only Patroni prints: a regular expression for all of them
    matriarch: str  # the lines that only Matriarch prints
    why: str


NO_GROUPS = "there is no Citus yet, so no --group (docs/compatibility.md)"
CLICK = "an interrupted question ends its own line first, as in newer versions of click, the library of Patroni's tool"
NO_TRACEBACK = "one line that says what is wrong; the exit code is Patroni's"

INTENDED = (
    Intended(("query",), r"exit code 0\nYYYY.*ERROR, SQLSTATE: connection.*", r"exit code 1\n\nstderr: Error: query is not supported yet; use: psql .*",
             "refused (docs/compatibility.md): the message says what to use instead"),
    Intended(("no command",), "stderr: Usage: .*Error: Missing command.", "Usage: .*", "newer versions of click, the library of Patroni's tool, print the help too"),
    Intended(("set, no answer", "restart, no answer", "switchover, no answer"), "", "stderr: ", CLICK),
    Intended(("apply a list", "apply a missing file"), "stderr: Traceback: .*", "stderr: Error: .*", NO_TRACEBACK),
    Intended(("help",), "", "(status|store|events|wait|why|why-no-leader|rules|\n)+", "commands of our own (docs/ctl.md)"),
    Intended(tuple(f"help of {command}" for command in ("flush", "pause", "reload", "remove", "restart", "resume", "topology", "version")), "--group", "", NO_GROUPS),
    Intended(tuple(f"help of {command}" for command in ("edit-config", "failover", "switchover")), "--group", "--dry-run", NO_GROUPS + "; --dry-run is ours"),
    Intended(("help of history", "help of list", "help of show-config"), "--group", "--json", NO_GROUPS + "; --json is ours"),
    Intended(("help of dsn",), "--group", "--all", NO_GROUPS + "; --all is ours"),
    Intended(("help of reinit",), "--group", "--timeout", NO_GROUPS + "; --timeout is ours"),
    Intended(("help of demote-cluster", "help of promote-cluster"), "", "--timeout", "--timeout is ours"),
    Intended(("help of query",), r"(--?[-a-zA-Z]+\n?)+", "", "refused, so it has no options (docs/compatibility.md)"),
)


# ---- playing it ----

class Outcome(NamedTuple):
    step: Step
    lines: list[str]


def play(herd, tool):
    """The whole session; `tool` is "patroni" or "matriarch"."""
    files = herd.work / "files"
    files.mkdir()
    (files / "config.yml").write_text(yaml.safe_dump(herd.dynamic))
    editor = files / "editor"
    editor.write_text('#!/bin/sh\nexec sed -i s/retry_timeout:.*/retry_timeout:\\ 5/ "$1"\n')
    editor.chmod(0o755)
    outcomes = []
    for step in SESSION:
        before = {node.name: node.postmaster() for node in herd.nodes}
        try:
            done = herd.patronictl(*shlex.split(step.words.replace("FILES", str(files))), tool=tool, input=step.answers, timeout=STEP_PATIENCE_S,
                                   environment=TOOL_ENVIRONMENT | {"EDITOR": str(editor)})
            code, out, error = done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            code, out, error = NEVER_ANSWERED, (late.stdout or b"").decode(), (late.stderr or b"").decode()
        lines = [f"exit code {code}", *comparable(herd, step, out).split("\n"), *[f"stderr: {line}" for line in comparable(herd, step, error).split("\n")]]
        outcomes.append(Outcome(step, lines))

        def is_ready():
            renewed = not step.renews or next(node for node in herd.nodes if node.name == step.renews).postmaster() not in (None, before[step.renews])
            return renewed and (view := View(herd)).is_at_rest() and step.until(view)
        try:
            system.wait_until(is_ready, SETTLING_S, "rest")
        except TimeoutError:
            lines.append(f"{SETTLING_S} s later the cluster was not as it should be after this step")
    return outcomes


def difference(patroni, matriarch):
    """(lines only Patroni prints, lines only Matriarch prints, both in their context)"""
    marked = list(difflib.unified_diff(patroni, matriarch, "patroni", "matriarch", lineterm="", n=2))[2:]
    return tuple("\n".join(line[1:] for line in marked if line.startswith(sign)) for sign in "-+") + ("\n".join(marked),)


@pytest.fixture(scope="module")
def sites(build):
    """(all Patroni, all Matriarch), the first node of each leads, both at rest."""
    with SiteHerd(build, ["patroni"] * 3) as patroni, SiteHerd(build, ["matriarch"] * 3) as matriarch:
        both = (patroni, matriarch)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(start, both))
        yield both


def start(herd):
    herd.start(120)
    # A young cluster's positions have eight digits or nine: from here on they all have nine.
    connection = herd.nodes[0].connect()
    with connection.cursor() as cursor:
        for _ in range(4):
            cursor.execute("SELECT pg_switch_wal(), txid_current()")
            cursor.execute("CHECKPOINT")
    connection.close()
    system.wait_until(lambda: View(herd).is_at_rest(), 60, f"rest{herd.diagnosis}")


def test_the_session_is_the_same(sites):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        patroni, matriarch = pool.map(play, sites, ("patroni", "matriarch"))
    assert len(patroni) == len(matriarch) == len(SESSION) > 150
    assert len({step.name for step in SESSION}) == len(SESSION)
    intended = {step: row for row in INTENDED for step in row.steps}
    assert len(intended) == sum(len(row.steps) for row in INTENDED) and not set(intended) - {step.name for step in SESSION}

    complaints = []
    for theirs, ours in zip(patroni, matriarch):
        only_theirs, only_ours, shown = difference(theirs.lines, ours.lines)
        row = intended.get(theirs.step.name)
        meant = row is None and not shown or row is not None and re.fullmatch(row.patroni, only_theirs, re.DOTALL) and re.fullmatch(row.matriarch, only_ours, re.DOTALL)
        if not meant:
            verdict = "differs" if row is None else "no longer differs as intended" if shown else "no longer differs: take it off the table"
            complaints.append(f"== {theirs.step.name} ({theirs.step.words}) {verdict}\n{shown}")
    assert not complaints, f"{len(complaints)} of {len(SESSION)} steps:\n" + "\n\n".join(complaints)


# ---- each tool on the other's cluster ----

READING = ("list site -e", "list site -f json", "topology site", "history site", "history site -f json", "show-config site")


@pytest.mark.parametrize("which", (0, 1), ids=("cluster-of-patroni", "cluster-of-matriarch"))
def test_both_tools_on_one_cluster(sites, which):
    herd = sites[which]
    step = Step("switchover", "", draws_change=True)
    for tool, target in (("patroni", "n2"), ("matriarch", "n1")):
        done = herd.patronictl("switchover", "site", "--candidate", target, "--force", tool=tool, timeout=STEP_PATIENCE_S, environment=TOOL_ENVIRONMENT)
        said = comparable(herd, step, done.stdout)
        assert (done.returncode, done.stderr, f'YYYY-MM-DD hh:mm:ss.fffff Successfully switched over to "{target}"' in said) == (0, "", True), done
        system.wait_until(lambda: (view := View(herd)).is_at_rest() and view.leader() == target, 60, f"rest after a switchover{herd.diagnosis}")
        compared = 0
        for words in READING:
            theirs, ours = (herd.patronictl(*words.split(), tool=tool, environment=TOOL_ENVIRONMENT) for tool in ("patroni", "matriarch"))
            assert (theirs.returncode, theirs.stdout, theirs.stderr) == (ours.returncode, ours.stdout, ours.stderr), words
            assert theirs.stdout.count("\n") > 0
            compared += 1
        assert compared == len(READING)
