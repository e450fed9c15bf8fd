"""The table of the tested versions in the docs, made from the tests themselves.

A test that runs a whole pipeline calls the fixture `record_compatibility` at its end,
and thereby gets the marker `compatibility`. With `--record-compatibility` pytest writes
the records to `tests/compatibility_records/`, one file per TFX and Python, and `python
-m tests.compatibility` writes the table. `make compatibility-table` does both.
"""

import importlib.metadata
import importlib.util
import json
import pathlib
import platform
import re

import pytest

FOLDER = pathlib.Path(__file__).parent / "compatibility_records"
PAGE = pathlib.Path(__file__).parents[1] / "docs" / "versions.md"
BEGIN = "<!-- make compatibility-table -->\n"
END = "<!-- end of make compatibility-table -->\n"
ORCHESTRATORS = {
    "LocalDagRunner": "LocalDagRunner",
    "Vertex": "Vertex AI Pipelines*",
    "Kubeflow": "Kubeflow Pipelines 2*",
}
COMPILED = ("Vertex", "Kubeflow")
KERASES = ("keras", "tf_keras")

_recorded = pytest.StashKey[list]()


def pytest_addoption(parser):
    parser.addoption(
        "--record-compatibility",
        action="store_true",
        help="write which versions were tested to tests/compatibility_records/",
    )


def pytest_configure(config):
    if config.getoption("--record-compatibility") and config.getoption("-n", None):
        raise pytest.UsageError("--record-compatibility needs one process: omit -n.")
    config.stash[_recorded] = []


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items):
    for item in items:
        if "record_compatibility" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.compatibility)


@pytest.fixture
def record_compatibility(request):
    """Records that a pipeline ran to its end: `record_compatibility(where, keras)`.

    Here `keras` is as in the pipeline's own report: "tf_keras 2.16.0".
    """

    def record(orchestrator, keras):
        assert orchestrator in ORCHESTRATORS
        request.config.stash[_recorded].append((orchestrator, *keras.split()))

    return record


def pytest_sessionfinish(session):
    recorded = session.config.stash[_recorded]
    if not session.config.getoption("--record-compatibility") or not recorded:
        return
    version = importlib.metadata.version
    python = ".".join(platform.python_version_tuple()[:2])
    record = {
        "tfx": version("tfx"),
        "python": python,
        "tensorflow": version("tensorflow"),
        "keras": {name: version(name.replace("_", "-")) for name in KERASES},
        "kfp": bool(importlib.util.find_spec("kfp")),
        "tested": sorted({(place, keras) for place, keras, _ in recorded}),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"tfx-{record['tfx'].rpartition('.')[0]}-py{python}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


def table(records):
    """The table in Markdown."""
    head = ["TFX", "TensorFlow", "Python", "Keras", *ORCHESTRATORS.values()]
    lines = [head, ["---"] * len(head)]
    for record in sorted(records, key=lambda r: _numbers(r["python"])):
        for keras in KERASES:
            name = f"{keras} {record['keras'][keras]}"
            where = [record["tfx"], record["tensorflow"], record["python"], name]
            cells = [_cell(record, place, keras) for place in ORCHESTRATORS]
            lines.append([*where, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(record, place, keras):
    if [place, keras] in record["tested"]:
        return "tested"
    if place in COMPILED and not record["kfp"]:
        return "no runner in TFX"
    return "not tested"


def _numbers(version):
    return [int(part) for part in version.split(".")]


def records():
    """The content of `tests/compatibility_records/`."""
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def with_table(text, content):
    """The text of the page with its table replaced."""
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{PAGE} lacks the lines {BEGIN!r} and {END!r}: add them.")
    return pattern.sub(lambda _: content, text)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(), table(records())))
