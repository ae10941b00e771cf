"""The demo: three real nodes, a steady writer, the loss of the primary's node, its return, a switchover."""
import argparse
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from herd.cluster import Herd  # noqa: E402
from herd.writer import Writer, lost_writes, prepare, two_writers  # noqa: E402


def say(text):
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


def show(herd):
    say("starting three nodes, each with PostgreSQL 15, an agent, a guardian and a store; no etcd anywhere")
    began = time.monotonic()
    herd.start(deadline_s=90)
    say(f"the herd stands after {time.monotonic() - began:.1f} s; synchronous replication is on")
    print(herd.topology())

    old = herd.leader()
    prepare(old)
    writer = Writer(herd.nodes)
    writer.start()
    writer.wait_for_acks(200)

    say(f"a client writes without a pause; now everything of {old.name}, the primary's node, is killed with SIGKILL")
    killed_at = old.kill_everything()
    new = herd.wait_leader(30, other_than=old)
    writer.wait_for_acks(200, 30)
    failover_gap = writer.gap_after(killed_at)
    say(f"{new.name} leads and serves: the client could not write for {failover_gap * 1000:.0f} ms")

    say(f"the service of {old.name} is started again, as a service manager would; it finds its way back by itself")
    began = time.monotonic()
    old.start()
    herd.wait_healthy(90)
    say(f"{old.name} replicates again after {time.monotonic() - began:.1f} s")

    writer.wait_for_acks(50)
    target = herd.candidate()
    say(f"a planned switchover from {new.name} to {target.name}")
    switched_at = time.monotonic()
    done = herd.ctl("switchover", herd.scope, "--leader", new.name, "--candidate", target.name, "--force", timeout=60)
    if done.returncode != 0:
        raise SystemExit(f"the switchover failed: {done.stdout}{done.stderr}")
    herd.wait_leader(30, other_than=new)
    writer.wait_for_acks(200, 30)
    switchover_gap = writer.gap_after(switched_at)
    writer.stop()
    herd.wait_healthy(60)
    print(herd.topology())

    lost = lost_writes([writer], herd.leader())
    evidence = two_writers([writer])
    print(f"write gap when the primary's node was killed:   {failover_gap * 1000:6.0f} ms")
    print(f"write gap of the switchover:                    {switchover_gap * 1000:6.0f} ms")
    print(f"acknowledged writes:                            {len(writer.acks):6d}")
    print(f"lost writes:                                    {len(lost):6d}")
    for line in evidence:
        print(f"TWO WRITERS: {line}")
    return 0 if not lost and not evidence else 1


def what_next(herd):
    leader = herd.leader()
    tool = f"{herd.programs / 'matriarch'} -c {leader.file}"
    print(f"The herd goes on. Try, in another terminal (as root or as its owner):\n"
          f"  {tool} topology\n"
          f"  {tool} switchover\n"
          f"  {tool} why\n"
          f"  curl -s http://{leader.host}:{leader.rest_port}/cluster\n"
          f"  kill -9 {leader.postmaster()}   # PostgreSQL of {leader.name}: a standby takes over\n"
          f"  kill -9 {leader.guardian()}   # the guardian of {leader.name}: what it watched over ends too\n"
          f"  {' '.join([*leader.prefix, str(leader.programs / 'matriarch'), str(leader.file)])}   # starts {leader.name} again\n"
          f"Ctrl-C ends it and cleans up.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="directory of the programs")
    parser.add_argument("--once", action="store_true", help="show it, clean up and exit")
    options = parser.parse_args()
    with Herd(options.build, dynamic={"synchronous_mode": True}, scope="demo") as herd:
        code = show(herd)
        if not options.once and code == 0:
            what_next(herd)
            ended = threading.Event()
            signal.signal(signal.SIGINT, lambda *_: ended.set())
            signal.signal(signal.SIGTERM, lambda *_: ended.set())
            ended.wait()
            say("cleaning up")
    return code


if __name__ == "__main__":
    sys.exit(main())
