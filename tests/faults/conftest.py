import os

import pytest

from tests.faults import pods

FIGURE = "figure"


@pytest.fixture(scope="session")
def full():
    """Whether `make faults` runs: all of it, with its figures."""
    return os.environ.get("FAULTS") == "full"


@pytest.fixture
def figure(request):
    """Prints a figure at the end of the run.

    It travels with the test's report, so it also arrives from a worker of pytest-xdist.
    """

    def keep(line):
        request.node.user_properties.append((FIGURE, line))

    return keep


@pytest.fixture(scope="session")
def processes():
    return pods.server()


def pytest_terminal_summary(terminalreporter):
    lines = [
        value
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
        if name == FIGURE and report.when == "call"
    ]
    if lines:
        terminalreporter.section("faults")
        for line in lines:
            terminalreporter.write_line(line)
