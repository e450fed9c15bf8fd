"""Which checkpoints are deleted, and what is logged if there is none."""

import os
import time

import pytest

from tfx_lr_finder.runtime.checkpoint.plan import OLD_DAYS, CheckpointPlan
from tfx_lr_finder.runtime.checkpoint.preemption import Watch
from tfx_lr_finder.settings.request import FinderRequest

OWN = "lr_finder-0000000000000000.checkpoint"
OTHER = "lr_finder-0123456789abcdef.checkpoint"


@pytest.mark.parametrize(
    ("name", "days", "kept"),
    [
        (OTHER, OLD_DAYS + 1, False),
        (f"{OTHER}.0123456789abcdef.part", OLD_DAYS + 1, False),
        (OTHER, OLD_DAYS - 1, True),
        ("model.checkpoint", OLD_DAYS + 1, True),
        (OWN, 0, False),
    ],
    ids=["given up", "half-written", "perhaps running", "of others", "its own"],
)
def test_the_end_of_a_test_deletes_its_checkpoint_and_those_of_given_up_tests(
    name, days, kept, tmp_path
):
    file = tmp_path / name
    file.write_text("{}")
    written = time.time() - days * 24 * 3600
    os.utime(file, (written, written))
    CheckpointPlan(folder=str(tmp_path), path=str(tmp_path / OWN)).remove()
    assert file.exists() == kept


def test_a_file_system_without_times_keeps_the_checkpoints_of_others():
    import tensorflow as tf

    folder = "ram://test_plan"
    tf.io.gfile.makedirs(folder)
    for name in (OWN, OTHER):
        with tf.io.gfile.GFile(f"{folder}/{name}", "w") as file:
            file.write("{}")
    CheckpointPlan(folder=folder, path=f"{folder}/{OWN}").remove()
    assert tf.io.gfile.listdir(folder) == [OTHER]


def test_without_a_folder_the_log_says_that_the_test_cannot_resume(caplog):
    request = FinderRequest.from_properties({"lr_finder_fn": "module.fn"})
    plan = CheckpointPlan.from_execution({}, request, Watch(), None)
    assert plan is None
    assert "cannot resume after a preemption" in caplog.text
    assert "Set checkpoint_dir" in caplog.text
