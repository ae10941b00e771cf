"""What a cluster at rest asks of etcd, beside what Patroni asks: no more, and nothing that a timer reads."""
import re
import time
import urllib.request

import pytest
from herd.patroni import SiteHerd

pytestmark = pytest.mark.long

DEFAULTS = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}
MEASURED_S = 120


def requests_by_method(etcd):
    """How many of each kind etcd has begun to answer since it was started."""
    with urllib.request.urlopen(f"http://{etcd.endpoint}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    found = re.findall(r'^grpc_server_started_total\{grpc_method="(\w+)",grpc_service="etcdserverpb\.\w+",[^}]*\} (\S+)$', text, re.MULTILINE)
    return {method: int(float(count)) for method, count in found}


def requests_at_rest(build, program):
    with SiteHerd(build, runs=[program] * 3, scope=f"load-{program}", dynamic=DEFAULTS) as herd:
        herd.start(180)
        time.sleep(20)  # what follows a start is over
        before = requests_by_method(herd.etcd)
        time.sleep(MEASURED_S)
        after = requests_by_method(herd.etcd)
        assert herd.is_healthy()
    return {method: (after[method] - before.get(method, 0)) * 60 / MEASURED_S for method in after if after[method] != before.get(method, 0)}


def test_a_cluster_at_rest_asks_no_more_than_patronis(build):
    patroni, ours = (requests_at_rest(build, program) for program in ("patroni", "matriarch"))
    print(f"requests a minute: Patroni {sum(patroni.values()):.0f} {patroni}, Matriarch {sum(ours.values()):.0f} {ours}")
    assert sum(patroni.values()) > 10  # the counter counts
    assert sum(ours.values()) <= sum(patroni.values())
    # A read belongs to a renewal, which asks whether the key is still its own; there is no other.
    assert ours.get("Range", 0) <= ours.get("LeaseKeepAlive", 0)
