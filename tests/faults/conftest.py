import os

import pytest

from tests.faults import pods

FIGURES = []


@pytest.fixture(scope="session")
def full():
    """Whether `make faults` runs: all of it, with its figures."""
    return os.environ.get("FAULTS") == "full"


@pytest.fixture
def figure():
    """Prints a figure at the end of the run."""
    return FIGURES.append


@pytest.fixture(scope="session")
def processes():
    return pods.server()


def pytest_terminal_summary(terminalreporter):
    if FIGURES:
        terminalreporter.section("faults")
        for line in FIGURES:
            terminalreporter.write_line(line)
