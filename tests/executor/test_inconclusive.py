"""What each policy does with a search that found nothing."""

import json
import pathlib

import pytest

from tests.executor.user_modules import FLAT, write_module
from tfx_lr_finder import LRFinderResult, artifact, read_result
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.settings.inconclusive import InconclusiveError


def test_an_inconclusive_search_fails_and_keeps_its_evidence(
    run_finder, penguin_examples, tmp_path
):
    with pytest.raises(InconclusiveError, match="no learning rate it can vouch for"):
        run_finder(
            {"examples": penguin_examples}, module_file=write_module(tmp_path, FLAT)
        )
    kept = run_finder.root / "state" / "lr_finder_result"
    report = read_result(str(kept))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert report.sweeps[0].losses[:5] == (1.0,) * 5
    assert (kept / "learning_rate_curve.png").stat().st_size > 1000
    assert not (run_finder.root / "lr_finder_result").exists()


def test_without_a_working_directory_the_error_names_the_folder_with_the_evidence(
    run_finder, penguin_examples, tmp_path
):
    """On Kubeflow v2 and Vertex AI, no output of a failed node is kept."""
    with pytest.raises(InconclusiveError) as error:
        run_finder(
            {"examples": penguin_examples},
            working_dir=False,
            module_file=write_module(tmp_path, FLAT),
        )
    folder = pathlib.Path(str(error.value).rpartition(" are in ")[2])
    assert folder.is_relative_to(run_finder.root)
    assert read_result(str(folder)).verdict is Verdict.INCONCLUSIVE
    assert "</html>" in (folder / "report.html").read_text()
    checkpoints = run_finder.root / "123" / "lr_finder_checkpoints"
    assert list(checkpoints.iterdir()) == []


def test_the_fallback_rate_is_marked_as_the_default_learning_rate(
    run_finder, penguin_examples, tmp_path
):
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(tmp_path, FLAT),
        on_inconclusive="fallback",
        default_learning_rate=3.2e-7,
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.learning_rate == 3.2e-7
    assert report.source == "default_learning_rate"
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "3.2e-07 is default_learning_rate" in report.reasons[-1]
    config = json.loads(
        (
            pathlib.Path(outputs["best_hyperparameters"].uri)
            / "best_hyperparameters.txt"
        ).read_text()
    )
    assert config["values"] == {"learning_rate": 3.2e-7}


def test_the_last_good_rate_is_marked_as_last_good(
    run_finder, penguin_examples, tmp_path, make_report, make_result
):
    good = make_result("good")
    good.id = 7
    earlier = make_report(environment={"optimizer": "SGD"})
    artifact.write_result(good, earlier)
    outputs = run_finder(
        {"examples": penguin_examples, "previous": [good]},
        module_file=write_module(tmp_path, FLAT),
        on_inconclusive="last_good",
        schedule="cosine",
    )
    report = read_result(outputs["lr_finder_result"])
    assert report.learning_rate == earlier.learning_rates_by_schedule["cosine"]
    assert (report.source, report.verdict) == ("last_good", Verdict.INCONCLUSIVE)
    assert f"LRFinderResult 7 at {good.uri}" in report.reasons[-1]
    assert "does not fall" in report.reasons[0]


@pytest.fixture
def reuse_nothing(run_finder, penguin_examples, tmp_path, make_inconclusive):
    """Runs an inconclusive search for which no earlier one was OK."""
    bad = LRFinderResult()
    bad.uri = str(tmp_path / "bad")
    artifact.write_result(bad, make_inconclusive())

    def run(**policy):
        return run_finder(
            {"examples": penguin_examples, "previous": [bad]},
            module_file=write_module(tmp_path, FLAT),
            on_inconclusive="last_good",
            **policy,
        )

    return run


def test_without_a_good_result_the_run_fails(reuse_nothing):
    with pytest.raises(InconclusiveError, match="holds no OK result"):
        reuse_nothing()


def test_last_good_without_an_ok_result_uses_the_declared_rate(reuse_nothing):
    outputs = reuse_nothing(default_learning_rate=0.125)
    report = read_result(outputs["lr_finder_result"])
    assert (report.learning_rate, report.source) == (0.125, "default_learning_rate")
    assert "holds no OK result" in report.reasons[-1]
