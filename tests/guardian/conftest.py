import os
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node as nodes  # noqa: E402

measured = []


@pytest.fixture(scope="session")
def template():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mg-t-", dir="/tmp"))
    nodes.own(directory)
    os.chmod(directory, 0o755)
    yield nodes.make_template(directory)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def node(template, request):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="mg-", dir="/tmp"))
    os.chmod(directory, 0o755)
    made = nodes.Node(directory, template)
    yield made
    made.destroy()
    if request.node.rep_call.failed:
        print(made.log.read_text(errors="replace") if made.log.exists() else "no log")
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def measure():
    """Numbers to print at the end of the run."""
    def note(what, milliseconds):
        measured.append((what, milliseconds))
    return note


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "rep_" + outcome.get_result().when, outcome.get_result())


def pytest_terminal_summary(terminalreporter):
    if measured:
        terminalreporter.section("measured")
        for what, milliseconds in measured:
            terminalreporter.write_line(f"{what:75s} {milliseconds:9.2f} ms")
