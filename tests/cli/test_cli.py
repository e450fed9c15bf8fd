import copy
import csv
import functools
import io
import json
import operator
import os
import pathlib
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tfx_lr_finder import LRFinderReport, result_file
from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.export import as_csv
from tfx_lr_finder.cli.main import main
from tfx_lr_finder.cli.show import print_report
from tfx_lr_finder.range_test.config import PARAMETER_TYPES
from tfx_lr_finder.range_test.verdict import Verdict

ESCAPE = "\x1b[2J[red]name[/red]\x07"


@pytest.fixture
def invoke():
    def run(*arguments):
        runner = CliRunner(env={"COLUMNS": "160"})
        return runner.invoke(main, [str(a) for a in arguments])

    return run


@pytest.fixture
def saved(make_report, tmp_path):
    """Writes a report into a folder of its own."""

    def save(name="result", report=None, **changes):
        report = make_report(**changes) if report is None else report
        result_file.write_report(str(tmp_path / name), report)
        return tmp_path / name

    return save


def test_show_prints_verdict_reasons_rate_and_losses(invoke, saved):
    folder = saved(
        learning_rate=0.1 + 0.2,
        verdict=Verdict.LOW_CONFIDENCE,
        reasons=("Too noisy.",),
    )
    done = invoke("show", folder)
    assert done.exit_code == 0
    assert done.output.startswith("LOW_CONFIDENCE: ")
    for said in ("Too noisy.", "0.30000000000000004", "0.55", "⠤", "1e-3"):
        assert said in done.output


def test_show_takes_a_result_file_or_its_folder(invoke, saved):
    folder = saved()
    assert (
        invoke("show", folder / "result.json").output == invoke("show", folder).output
    )


def test_show_all_has_every_table(invoke, saved):
    output = invoke("show", "--all", saved()).output
    for said in (
        "Learning rate by each rule",
        "Configuration",
        "Environment",
    ):
        assert said in output


def test_show_json_prints_the_content_of_the_result_file(invoke, saved, make_report):
    done = invoke("show", "--json", saved())
    assert repr(LRFinderReport.from_json(done.output)) == repr(make_report())


@pytest.mark.parametrize(
    ("verdict", "fail_on", "status"),
    [
        (Verdict.OK, "low_confidence", 0),
        (Verdict.LOW_CONFIDENCE, "never", 0),
        (Verdict.LOW_CONFIDENCE, "inconclusive", 0),
        (Verdict.LOW_CONFIDENCE, "low_confidence", 3),
        (Verdict.INCONCLUSIVE, "never", 0),
        (Verdict.INCONCLUSIVE, "inconclusive", 4),
        (Verdict.INCONCLUSIVE, "low_confidence", 4),
    ],
)
def test_fail_on_turns_the_verdict_into_the_exit_status(
    verdict, fail_on, status, invoke, saved, make_report, make_inconclusive
):
    inconclusive = verdict is Verdict.INCONCLUSIVE
    report = make_inconclusive() if inconclusive else make_report(verdict=verdict)
    done = invoke("show", "--fail-on", fail_on, saved(report=report))
    assert done.exit_code == status


def test_show_prints_control_characters_and_markup_as_plain_text(invoke, saved):
    folder = saved(
        reasons=(ESCAPE,), verdict=Verdict.LOW_CONFIDENCE, environment={ESCAPE: ESCAPE}
    )
    output = invoke("show", "--all", folder).output
    assert "\x1b" not in output
    assert "\x07" not in output
    assert output.count("[red]name[/red]") == 3


def test_show_prints_a_result_without_any_finite_loss(invoke, saved, make_inconclusive):
    sweep = make_inconclusive().sweeps[0]
    changes = {"learning_rates": (1e-7,), "losses": (float("nan"),)}
    bare = type(sweep)(
        **changes, smoothed_losses=(), stop_reason=sweep.stop_reason, num_steps=1
    )
    report = make_inconclusive(
        sweeps=(bare,), probes=(), untrained_loss=None, steps_by_phase={"sweeps": 1}
    )
    done = invoke("show", saved(report=report))
    assert done.exit_code == 0
    assert "No finite loss to draw." in done.output


def _truncate(path):
    path.write_text(path.read_text()[:500])


def _newer(path):
    text = path.read_text()
    path.write_text(text.replace('"schema_version": 2', '"schema_version": 999'))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (_truncate, "cut short"),
        (_newer, "Upgrade tfx-lr-finder here"),
        (lambda path: path.unlink(), "There is no result.json"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "cannot be read"),
    ],
    ids=["truncated", "newer", "absent", "binary"],
)
@pytest.mark.parametrize("command", ["show", "export"])
def test_an_unreadable_result_is_an_error_of_one_sentence_with_status_1(
    command, spoil, complaint, invoke, saved
):
    folder = saved()
    spoil(folder / "result.json")
    done = invoke(command, folder)
    assert done.exit_code == 1
    assert done.stderr.startswith("lr-finder: ")
    assert complaint in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""


def test_an_error_prints_the_names_in_a_damaged_file_without_escapes(invoke, saved):
    folder = saved()
    content = json.loads((folder / "result.json").read_text())
    for name in ("", "environment", "config", "learning_rates_by_schedule"):
        damaged = copy.deepcopy(content)
        (damaged[name] if name else damaged)[ESCAPE] = []
        (folder / "result.json").write_text(json.dumps(damaged))
        done = invoke("show", folder)
        assert done.exit_code == 1
        assert "is damaged" in done.stderr
        assert "\x1b" not in done.output + done.stderr
        assert "\x07" not in done.output + done.stderr


def _paths(value, path=()):
    """Yields the path of every field, and of the first and last item of a list."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from _paths(value[key], (*path, key))
    if isinstance(value, list):
        for index in sorted({0, len(value) - 1} if value else ()):
            yield from _paths(value[index], (*path, index))


@pytest.mark.parametrize("damage", [[], -1, "delete", "repeat"])
def test_a_damaged_field_never_ends_in_a_traceback(damage, make_report):
    content = json.loads(make_report(sweeps=make_report().sweeps[:1]).to_json())
    refusals = set()
    for path in _paths(content):
        damaged = copy.deepcopy(content)
        *above, last = path
        place = functools.reduce(operator.getitem, above, damaged)
        if damage == "delete":
            del place[last]
        elif damage == "repeat" and isinstance(place, list):
            place.append(place[last])
        else:
            place[last] = damage
        try:
            report = LRFinderReport.from_json(json.dumps(damaged))
        except ValueError as error:
            refusals.add(str(error)[:24])
            continue
        print_report(report, everything=True)
        as_csv(report)
        str(report)
    assert refusals == {"The learning-rate report"}


def test_an_unexpected_error_is_one_sentence_and_debug_shows_its_place(
    invoke, saved, monkeypatch
):
    folder = saved()
    monkeypatch.setattr(terminal, "curve", lambda *_: {}["absent"])
    done = invoke("show", folder)
    assert done.exit_code == 1
    assert done.stderr == "lr-finder: KeyError: 'absent'. --debug shows where.\n"
    assert isinstance(invoke("--debug", "show", folder).exception, KeyError)


def test_show_finds_the_only_result_below_a_folder(invoke, saved, tmp_path):
    folder = saved("root/LRFinder/lr_finder_result/6")
    for above in ("root", "root/LRFinder", "root/LRFinder/lr_finder_result/"):
        done = invoke("show", f"{tmp_path}/{above}")
        assert done.output == invoke("show", folder).output
    assert invoke("export", tmp_path / "root").exit_code == 0


def test_show_lists_several_results_below_a_folder_the_latest_last(
    invoke, saved, tmp_path
):
    for number, rate in ((14, 0.1), (6, 0.2)):
        saved(f"root/lr_finder_result/{number}", learning_rate=rate)
    done = invoke("show", tmp_path / "root")
    assert done.exit_code == 0
    assert re.search(r"result/6 +OK +0\.2 *\n.*result/14 +OK +0\.1 *\n", done.output)
    for arguments in (("show", "--json"), ("show", "--fail-on", "inconclusive")):
        done = invoke(*arguments, tmp_path / "root")
        assert done.exit_code == 1
        assert "There are 2 results below" in done.stderr
        assert done.stderr.endswith("lr_finder_result/14\n")


def test_debug_shows_the_log_of_a_run_on_standard_error(invoke, penguin_examples):
    arguments = ("run", "absent.module.run_fn", "--examples", penguin_examples.uri)
    done = invoke("--debug", *arguments)
    assert "INFO absl: LRFinder: starting with RangeTestConfig(" in done.stderr
    assert done.stdout == ""
    assert "INFO" not in invoke(*arguments).stderr


def test_a_forbidden_file_is_an_error_of_one_sentence(invoke, tmp_path):
    (tmp_path / "result.json").mkdir()
    done = invoke("show", tmp_path)
    assert done.exit_code == 1
    assert "this account may read it" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_uri_of_an_unknown_file_system_is_an_error_of_one_sentence(invoke):
    done = invoke("show", "nowhere://bucket/result")
    assert done.exit_code == 1
    assert "nowhere://bucket/result" in done.stderr
    assert "Traceback" not in done.output


def test_show_reads_a_remote_result_through_the_file_systems_of_tfx(
    invoke, saved, make_report, monkeypatch
):
    from tfx.dsl.io import filesystem_registry
    from tfx.dsl.io.plugins.local import LocalFilesystem

    class Bucket(LocalFilesystem):
        SUPPORTED_SCHEMES = ["bucket://"]

        @staticmethod
        def exists(path):
            return LocalFilesystem.exists(path.removeprefix("bucket://"))

        @staticmethod
        def open(name, mode="r"):
            return LocalFilesystem.open(name.removeprefix("bucket://"), mode)

    registry = filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY
    known = registry._preferred_filesystem_by_scheme
    monkeypatch.setitem(known, "bucket://", Bucket)
    done = invoke("show", "--json", f"bucket://{saved()}")
    assert repr(LRFinderReport.from_json(done.output)) == repr(make_report())


def test_compare_prints_the_differences_and_the_change_of_the_rate(
    invoke, saved, make_report
):
    environment = {**make_report().environment, "optimizer": "Adam"}
    first = saved("first", learning_rate=0.001)
    second = saved("second", learning_rate=0.1, environment=environment)
    done = invoke("compare", first, second)
    assert done.exit_code == 0
    assert "change of the learning rate: +2.00 decades" in done.output
    assert re.search(r"environment.optimizer +SGD +Adam", done.output)
    assert "config.seed" not in done.output


@pytest.mark.parametrize(("max_drift_decades", "status"), [(1, 5), (3, 0)])
def test_compare_exits_with_5_if_the_rate_changed_too_much(
    max_drift_decades, status, invoke, saved
):
    first, second = saved("a", learning_rate=0.001), saved("b", learning_rate=0.1)
    done = invoke("compare", "--max-drift-decades", max_drift_decades, first, second)
    assert done.exit_code == status


def test_compare_json_has_both_results(invoke, saved, make_inconclusive):
    first, second = saved("a"), saved("b", report=make_inconclusive())
    done = invoke("compare", "--json", "--max-drift-decades", 1, first, second)
    found = json.loads(done.output)
    assert found["change_in_decades"] is None
    assert found["first"]["verdict"] == "OK"
    assert found["second"]["learning_rate"] is None
    assert done.exit_code == 5


def test_the_csv_has_every_number_in_full_precision(invoke, saved, make_report):
    report = make_report()
    rows = list(csv.DictReader(io.StringIO(invoke("export", saved()).output)))
    second = [row for row in rows if row["kind"] == "sweep" and row["number"] == "2"]
    assert [float(row["train_loss"]) for row in second] == list(report.sweeps[1].losses)
    assert [float(row["learning_rate"]) for row in second] == list(
        report.sweeps[1].learning_rates
    )
    candidates = [row for row in rows if row["kind"] == "candidate"]
    assert [float(row["held_out_loss"]) for row in candidates] == [
        item.eval_loss for item in report.candidates
    ]


def test_export_html_writes_the_report_page(invoke, saved, tmp_path):
    output = tmp_path / "report.html"
    done = invoke("export", "--format", "html", "--output", output, saved())
    assert done.exit_code == 0
    assert output.read_text().startswith("<!doctype html>")


def test_export_into_a_missing_folder_is_an_error_of_one_sentence(
    invoke, saved, tmp_path
):
    done = invoke("export", "--output", tmp_path / "absent" / "file", saved())
    assert done.exit_code in (1, 2)
    assert "No such file" in done.stderr


@pytest.mark.parametrize("command", ["show", "history", "compare", "export", "run"])
def test_every_command_has_help_with_an_example(command, invoke):
    done = invoke(command, "--help")
    assert done.exit_code == 0
    assert re.search(rf"Examples:\n.*lr-finder {command} ", done.output)
    assert "--json" in done.output or command == "export"


def test_the_help_documents_every_exit_status(invoke):
    output = invoke("--help").output
    for status in (0, 1, 2, 3, 4, 5):
        assert re.search(rf"^ +{status}  ", output, re.MULTILINE)


def test_wrong_usage_exits_with_2(invoke):
    assert invoke("show").exit_code == 2
    assert invoke("compare", "--max-drift-decades", "0", "a", "b").exit_code == 2
    assert invoke("nothing").exit_code == 2


def test_run_has_an_option_for_every_parameter_of_the_range_test(invoke):
    output = invoke("run", "--help").output
    for name in PARAMETER_TYPES:
        assert f"--{name.replace('_', '-')} " in output


def test_run_finds_a_rate_and_writes_it_with_its_report(
    invoke, penguin_examples, penguin_module, tmp_path
):
    done = invoke(
        *("run", penguin_module, "--examples", penguin_examples.uri),
        *("--min-lr", "1e-4", "--num-rates", 40, "--num-sweeps", 1),
        *("--confirm-steps", 0, "--output", tmp_path / "found", "--json"),
    )
    assert done.exit_code == 0, done.stderr
    report = LRFinderReport.from_json(done.stdout)
    assert report.config.num_rates == 40
    folder = tmp_path / "found" / "lr_finder_result"
    assert repr(result_file.read_report(str(folder))) == repr(report)
    assert (folder / "report.html").exists()
    assert (tmp_path / "found" / "best_hyperparameters").is_dir()


def test_run_exits_with_4_if_it_finds_no_rate(
    invoke, penguin_examples, penguin_module, tmp_path
):
    done = invoke(
        *("run", penguin_module, "--examples", penguin_examples.uri),
        *("--custom-config", '{"constant_loss": true}', "--output", tmp_path / "out"),
        *("--num-rates", 40, "--num-sweeps", 1, "--confirm-steps", 0),
    )
    assert done.exit_code == 4, done.stderr
    assert done.stdout.startswith("INCONCLUSIVE: ")
    assert (tmp_path / "out" / "lr_finder_result" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("absent.py", "--examples", "."), "There is no module file 'absent.py'"),
        (("module", "--examples", "."), "dotted path of a function, got 'module'"),
        (("a.b", "--examples", "absent"), "--examples: there is no folder 'absent'"),
        (("a.b", "--examples", "."), "no folder Split-"),
        (("a.b", "--examples", ".", "--custom-config", "{"), "is not JSON"),
        (("a.b", "--examples", ".", "--custom-config", "[]"), "must be a JSON object"),
    ],
)
def test_run_explains_a_wrong_argument_in_one_sentence(
    arguments, complaint, invoke, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    done = invoke("run", *arguments)
    assert done.exit_code == 1
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_run_rejects_a_parameter_out_of_its_range(invoke, penguin_examples):
    done = invoke("run", "a.b", "--examples", penguin_examples.uri, "--max-lr", "1e-9")
    assert done.exit_code == 1
    assert "min_lr must be below max_lr" in done.stderr


def test_show_of_a_local_result_loads_neither_tfx_nor_tensorflow(saved):
    folder = saved()
    code = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tfx", "tensorflow", "ml_metadata", "matplotlib"):
            raise ModuleNotFoundError("blocked by the test: " + name, name=name)

sys.meta_path.insert(0, Blocker())
from tfx_lr_finder.cli import terminal
from tfx_lr_finder.cli.export import as_csv
from tfx_lr_finder.cli.main import main
from tfx_lr_finder.cli.show import print_report
main(["show", {str(folder)!r}])
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "OK: the learning rate can be used" in done.stdout


def test_the_installed_command_works_on_an_ascii_terminal(saved):
    command = pathlib.Path(sys.executable).parent / "lr-finder"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [command, "show", str(saved())], capture_output=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"OK: the learning rate can be used")
