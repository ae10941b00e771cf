import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))


def pytest_addoption(parser):
    parser.addoption("--build", default="build/release", help="directory of the programs")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes; runs in ./check --full cluster")


@pytest.fixture(scope="session")
def build(request):
    return Path(request.config.getoption("--build")).resolve()
