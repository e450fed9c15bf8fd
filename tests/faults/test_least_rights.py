"""Secrets stay where they were given, and files in their folders."""

import pathlib
import re

from tests.faults.pods import Pod
from tfx_lr_finder import artifact
from tfx_lr_finder.range_test.report import PreviousRate
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.views import write as view_files

SECRET = "hunter2-3f9c"
OUTSIDE = "../../outside"


def test_secrets_are_in_no_file_and_in_no_line_of_ours(processes, tmp_path):
    pod = Pod(
        processes,
        tmp_path / "pod",
        num_rates=12,
        num_sweeps=1,
        max_steps=200,
        seconds=0,
        custom_config={"password": SECRET},
        beam_args=[f"--s3_secret_access_key={SECRET}"],
        checkpoint_dir=str(tmp_path / "pod" / "checkpoints"),
        inject="failing_outputs",
    )
    assert pod.ended() == 1  # so that the checkpoint is kept as well
    assert list((pod.root / "checkpoints").iterdir())
    written = [path for path in pod.root.rglob("*") if path.is_file()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []
    # TFX logs every execution property itself: docs/faults.md says so.
    lines = re.sub(r"^INFO:absl:udf_utils\.get_fn .*$", "", pod.log, flags=re.MULTILINE)
    assert SECRET not in lines


def test_names_in_a_hostile_result_lead_out_of_no_folder(make_report, tmp_path):
    report = make_report(
        rule=OUTSIDE,
        source=OUTSIDE,
        reasons=(OUTSIDE,),
        suggestions={OUTSIDE: 0.1},
        learning_rates_by_schedule={OUTSIDE: 0.1},
        environment={OUTSIDE: OUTSIDE},
        previous=(
            PreviousRate(
                learning_rate=0.1, verdict=Verdict.OK, when=OUTSIDE, name=OUTSIDE
            ),
        ),
    )
    folder = tmp_path / "a" / "b" / "c"
    view_files.write_views(
        str(folder), report, {"pipeline": OUTSIDE, "run": "/outside"}
    )
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 3
    assert [path for path in written if folder not in path.parents] == []


def test_the_name_of_the_rate_is_no_path(tmp_path, make_result):
    result = make_result("a/b/c")
    artifact.write_hyperparameters(result, 0.1, name=OUTSIDE)
    (written,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert written.parent == pathlib.Path(result.uri)


def test_a_checkpoints_name_is_its_digest_and_no_path(tmp_path):
    from tfx_lr_finder.runtime.checkpoint.plan import CheckpointPlan
    from tfx_lr_finder.runtime.checkpoint.resume import Checkpoint

    plan = CheckpointPlan(folder=str(tmp_path))
    Checkpoint(plan, {OUTSIDE: OUTSIDE})
    path = pathlib.Path(plan.path)
    assert path.parent == tmp_path
    assert re.fullmatch(r"lr_finder-[0-9a-f]{16}\.checkpoint", path.name)
