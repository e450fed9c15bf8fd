"""The benchmark of user modules knows those of the wheel, and reports failures."""

import pathlib

import pytest

from benchmarks.modules import __main__ as benchmark
from benchmarks.modules import cases, written


def test_every_module_of_the_wheel_with_a_run_fn_is_known():
    assert list(cases.unknown()) == []


def test_every_written_module_is_a_case():
    (folder,) = written.__path__
    files = {path.stem for path in pathlib.Path(folder).glob("*.py")}
    assert files - {"__init__", "penguins"} == set(cases.BEHAVIORS)


def test_an_output_whose_folder_is_missing_is_refused_before_any_run(
    tmp_path, monkeypatch, capsys
):
    missing = str(tmp_path / "missing" / "modules.md")
    monkeypatch.setattr("sys.argv", ["modules", "--output", missing])
    with pytest.raises(SystemExit):
        benchmark.main()
    assert "is not a folder. Create it" in capsys.readouterr().err


def run(**given):
    """Returns a run of a seed, as `Pipelines.run` does."""
    seconds = {"LRFinder": 2.0, "LRFinderTrainer": 1.0}
    found = {
        "verdict": "OK",
        "rate_found": 0.1,
        "rate_used": 0.1,
        "doubt": None,
        "own_rate": 0.01,
        "loss_own": 1.0,
        "loss_found": 0.5,
    }
    return {"error": None, "stock_error": None, "seconds": seconds, **found, **given}


def test_wins_losses_doubts_and_errors_are_all_in_the_document():
    failed = {"error": "ValueError: No fit. Add one.", "stock_error": None}
    results = {
        "epochs": [run()],
        "two_fits": [run(loss_found=2.0)],
        "tuner_inside": [run(doubt="The rate was set on a trial. See which_fit.")],
        "custom_loop": [failed],
    }
    text = benchmark._document(
        {name: {"runs": runs, "seconds": 1} for name, runs in results.items()}
    )
    assert "Of 3 modules" in text
    assert "lower than the module's own rate on 2, at least 2 % higher on 1" in text
    (row,) = (line for line in text.splitlines() if "ValueError" in line)
    assert [cell.strip() for cell in row.split("|")[3:5]] == [
        "ValueError: No fit.",
        "runs",
    ]
    assert "The rate was set on a trial." in text
