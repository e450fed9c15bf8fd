"""The README's table of what was tested, from the runs that tested it.

A test that ran a whole pipeline calls the fixture `tested` at its end. With `--tested`
pytest keeps what was told in `tests/tested/`, a file for each TFX and Python, and
`python -m tests.tested` writes the table. `make tested` does both.
"""

import importlib.metadata
import importlib.util
import json
import pathlib
import platform
import re

import pytest

FOLDER = pathlib.Path(__file__).parent / "tested"
README = pathlib.Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- make tested -->\n", "<!-- end of make tested -->\n"
ORCHESTRATORS = {
    "LocalDagRunner": "LocalDagRunner",
    "Vertex": "Vertex AI Pipelines*",
    "Kubeflow": "Kubeflow Pipelines 2*",
}
COMPILED = ("Vertex", "Kubeflow")
KERASES = ("keras", "tf_keras")

_told = pytest.StashKey[list]()


def pytest_addoption(parser):
    parser.addoption(
        "--tested", action="store_true", help="keep what was tested in tests/tested/"
    )


def pytest_configure(config):
    config.stash[_told] = []


@pytest.fixture
def tested(request):
    """Tells that a pipeline ran to its end: `tested(orchestrator, keras)`.

    Here `keras` is what the pipeline's own report says: "tf_keras 2.16.0".
    """

    def tell(orchestrator, keras):
        assert orchestrator in ORCHESTRATORS
        request.config.stash[_told].append((orchestrator, *keras.split()))

    return tell


def pytest_sessionfinish(session):
    told = session.config.stash[_told]
    if not session.config.getoption("--tested") or not told:
        return
    version = importlib.metadata.version
    python = ".".join(platform.python_version_tuple()[:2])
    record = {
        "tfx": version("tfx"),
        "python": python,
        "tensorflow": version("tensorflow"),
        "keras": {name: version(name.replace("_", "-")) for name in KERASES},
        "kfp": bool(importlib.util.find_spec("kfp")),
        "tested": sorted({(place, keras) for place, keras, _ in told}),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"tfx-{record['tfx'].rpartition('.')[0]}-py{python}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")


def table(records):
    """Returns the table as Markdown."""
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
    """Returns what is kept in `tests/tested/`."""
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def with_table(text, content):
    """Returns a README with its table replaced."""
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{README} has no place for the table: {BEGIN!r}, {END!r}")
    return pattern.sub(lambda _: content, text)


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(), table(records())))
