"""The service under Patroni's names, from the environment alone, and its generators, with the real programs."""
import os
import subprocess

import pytest
import yaml
from herd import system
from herd.cluster import Herd
from herd.node import PASSWORDS


def run(node, *words, name="matriarch", environment=None):
    program = node.directory / name
    if not program.exists():
        program.symlink_to(node.programs / "matriarch")
    return subprocess.run([*node.prefix, str(program), *map(str, words)], timeout=30, cwd=node.directory, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env={"PATH": os.environ["PATH"], "LC_ALL": "C", **(environment or {})})


def environment_of(pid):
    with open(f"/proc/{pid}/environ", "rb") as file:
        return dict(entry.split("=", 1) for entry in file.read().decode().split("\0") if "=" in entry)


@pytest.fixture(scope="module")
def herd(build):
    """One node that runs as `patroni`, with its configuration in PATRONI_CONFIGURATION. Its callback shows what it finds in its environment."""
    with Herd(build, size=1, scope="names") as cluster:
        node = cluster.nodes[0]
        callback = node.directory / "callback"
        callback.write_text(f"#!/bin/sh\nenv > {node.directory}/callback.env.tmp && mv {node.directory}/callback.env.tmp {node.directory}/callback.env\n")
        callback.chmod(0o755)
        tree = node.settings()
        tree["postgresql"]["callbacks"] = {"on_start": str(callback)}
        (node.directory / "patroni").symlink_to(node.programs / "matriarch")
        with open(node.log, "ab") as log:
            node.process = subprocess.Popen([*node.prefix, str(node.directory / "patroni")], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=node.directory,
                                            start_new_session=True, env={"PATH": os.environ["PATH"], "PATRONI_CONFIGURATION": yaml.safe_dump(tree), "PATRONI_LEFT": "alone"})
        yield cluster


def test_the_environment_alone_runs_a_node_and_no_script_sees_it(herd):
    node = herd.nodes[0]
    herd.wait_leader(60)
    assert not node.file.exists()
    system.wait_until((node.directory / "callback.env").exists, 20, "the callback has run")
    seen = (node.directory / "callback.env").read_text()
    assert "PATRONI_LEFT=alone" in seen and "PATRONI_CONFIGURATION" not in seen
    assert not any(word in seen for word in PASSWORDS.values())
    assert not [name for name in environment_of(node.postmaster()) if name.startswith(("PATRONI_", "MATRIARCH_C"))]


def test_its_agent_comes_back_with_the_same_configuration(herd):
    node = herd.nodes[0]
    herd.wait_leader(60)
    agent = node.agent()
    system.send(agent, 9)
    system.wait_until(lambda: node.agent() not in ([], agent) and node.get("/primary")[0] == 200, 30, f"another agent leads:\n{node.tail()}")


def test_names_and_versions(herd):
    node = herd.nodes[0]
    assert run(node, "--version").stdout.startswith("matriarch ")
    assert run(node, "--version", name="patroni").stdout.split()[:2] == ["patroni", "4.1.4"]
    assert run(node, "--version", name="patroni_raft_controller").stdout.split()[:2] == ["patroni_raft_controller", "4.1.4"]
    nothing = run(node, name="patroni")
    assert (nothing.returncode, "Config is empty." in nothing.stderr) == (1, True)
    assert run(node).returncode == 2
    assert run(node, name="patroni_raft_controller").returncode != 0


def test_a_missing_file_gives_way_to_the_environment_with_a_warning(herd):
    node = herd.nodes[0]
    done = run(node, "/nowhere.yml", "--validate-config", "-i", environment={"PATRONI_CONFIGURATION": yaml.safe_dump(node.settings())})
    assert done.returncode == 0, done.stderr
    assert "/nowhere.yml" in done.stderr


def test_print_shows_what_was_read(herd):
    node = herd.nodes[0]
    tree = node.settings()
    done = run(node, "--validate", "-p", "-i", environment={"PATRONI_CONFIGURATION": yaml.safe_dump(tree)})
    assert (done.returncode, yaml.safe_load(done.stdout)) == (0, tree), done.stderr


def test_a_sample_is_written_for_its_owner_alone(herd):
    node = herd.nodes[0]
    output = node.directory / "samples" / "one.yml"
    done = run(node, "--generate-sample-config", output, environment={"PATRONI_SCOPE": "orders", "PATRONI_POSTGRESQL_BIN_DIR": str(system.POSTGRES_BIN)})
    assert done.returncode == 0, done.stderr
    assert output.stat().st_mode & 0o777 == 0o600
    assert yaml.safe_load(output.read_text())["scope"] == "orders"


def test_a_configuration_is_made_from_a_running_server(herd):
    node = herd.nodes[0]
    herd.wait_leader(60)
    done = run(node, "--generate-config", "--dsn", f"host={node.host} port={node.postgres_port} user=postgres password={PASSWORDS['superuser']}")
    assert done.returncode == 0, done.stderr
    tree = yaml.safe_load(done.stdout)
    assert tree["scope"] == "names"
    assert tree["postgresql"]["data_dir"] == str(node.data)
    assert tree["postgresql"]["bin_dir"] == str(system.POSTGRES_BIN)
    assert tree["postgresql"]["connect_address"].endswith(f":{node.postgres_port}")
    assert tree["postgresql"]["authentication"]["superuser"] == {"username": "postgres", "password": PASSWORDS["superuser"]}
    assert tree["postgresql"]["pg_hba"] == node.settings()["postgresql"]["pg_hba"]
    assert tree["bootstrap"]["dcs"]["postgresql"]["parameters"]["shared_buffers"] == "16MB"


@pytest.mark.parametrize("dsn, words", [("port=1 host=127.0.0.1 user=postgres", "Failed to establish PostgreSQL connection"), ("nonsense", "--dsn")])
def test_a_server_that_cannot_be_asked(herd, dsn, words):
    done = run(herd.nodes[0], "--generate-config", "--dsn", dsn)
    assert done.returncode == 1 and words in done.stderr


def test_an_ordinary_user_cannot_describe_a_server(herd):
    node = herd.nodes[0]
    herd.wait_leader(60)
    done = run(node, "--generate-config", "--dsn", f"host={node.host} port={node.postgres_port} user=replication dbname=postgres password={PASSWORDS['replication']}")
    assert (done.returncode, "does not have superuser privilege" in done.stderr) == (1, True)
