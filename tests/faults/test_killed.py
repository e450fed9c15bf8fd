"""Real executor processes, killed by signals at random moments."""

import collections
import operator
import random
import signal

import pytest

from tests.faults.pods import Pod, half_written, outcome, phase

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]


@pytest.fixture(scope="module")
def undisturbed(processes, tmp_path_factory):
    """The outcome of a pod that is not disturbed, and how many seconds it takes."""
    root = tmp_path_factory.mktemp("pods")
    assert Pod(processes, root / "warm").ended() == 0
    pod = Pod(processes, root / "undisturbed")
    assert pod.ended() == 0
    return outcome(pod.root), pod.seconds


def curves(found):
    """The losses of all sweeps, one after the other."""
    report, _ = found
    return [loss for sweep in report["sweeps"] for loss in sweep["losses"]]


def test_a_test_killed_at_random_moments_ends_with_the_undisturbed_result(
    processes, undisturbed, tmp_path, full, figure
):
    expected, seconds = undisturbed
    wanted = 100 if full else 5
    moments = random.Random(0)
    phases, equal, ends, attempts, halves = collections.Counter(), 0, 0, 0, 0
    resumed, differences = 0, []
    while sum(phases.values()) < wanted:
        root, again = tmp_path / str(ends), 0
        while True:
            pod = Pod(processes, root)
            pod.kill_after(moments.uniform(0.0, 1.1 * seconds))
            code = pod.ended()
            attempts += 1
            if code == 0 and again == 0:
                seconds = pod.seconds  # the load of the machine changes
            again += 1
            halves += len(half_written(root))
            if code == 0:
                break
            assert code == -signal.SIGKILL, pod.log[-3000:]
            phases[phase(root)] += 1
        ends += 1
        resumed += pod.log.count("resuming from")
        equal += outcome(root) == expected
        differences += map(operator.sub, curves(outcome(root)), curves(expected))
        assert not list((root / "state").glob("*.checkpoint*"))
    figure(
        f"SIGKILL at {sum(phases.values())} random moments ({dict(phases)}): {ends} "
        f"tests ended in {attempts} attempts, resumed {resumed} times from a "
        f"checkpoint; equal results: {equal} of {ends}; incomplete files: {halves}"
    )
    figure(
        f"curves of killed and undisturbed tests: {len(curves(expected))} losses each, "
        f"largest difference {max(map(abs, differences))!r}"
    )
    assert equal == ends
    assert halves == 0


def test_sigterm_exits_with_143_and_the_next_attempt_resumes(
    processes, undisturbed, tmp_path, figure
):
    expected, _ = undisturbed
    pod = Pod(processes, tmp_path / "pod")
    pod.terminate_at_first_checkpoint()
    code = pod.ended()
    assert code == 143, pod.log[-3000:]
    assert not (pod.root / "lr_finder_result").exists()
    again = Pod(processes, tmp_path / "pod")
    assert again.ended() == 0
    assert "resuming from" in again.log
    assert outcome(again.root) == expected
    figure(f"SIGTERM: exit code {code}; the next attempt gives the undisturbed result")


def test_without_a_working_directory_the_next_attempt_resumes_from_the_pipeline_root(
    processes, undisturbed, tmp_path, figure
):
    """As on Kubeflow v2 and Vertex AI, with nothing set."""
    expected, _ = undisturbed
    root = tmp_path / "pod"
    run = root / "0f8fad5b-d9cb-469f-a165-70867728950e" / "LRFinder"
    folders = {"state": None}
    for key in ("lr_finder_result", "best_hyperparameters"):
        folders[key] = run / "7c9e6679-7425-40de-944b-e07fc1f90ae7" / key
    pod = Pod(processes, root, folders=folders)
    pod.terminate_at_first_checkpoint()
    assert pod.ended() == 143, pod.log[-3000:]
    (kept,) = (root / "lr_finder_checkpoints").iterdir()
    # The next run of the pipeline, with the inputs from the cache.
    for key in ("lr_finder_result", "best_hyperparameters"):
        folders[key] = root / key
    folders["lr_finder_result"] = (
        root / "7c9e6679-7425-40de-944b-e07fc1f90ae7" / "LRFinder" / "lr_finder_result"
    )
    again = Pod(processes, root, folders=folders)
    assert again.ended() == 0
    assert f"resuming from the checkpoint {kept}" in again.log
    folder = folders["lr_finder_result"].parent
    (root / "best_hyperparameters").rename(folder / "best_hyperparameters")
    assert outcome(folder) == expected
    assert not kept.exists()
    figure("no working directory: the next attempt gives the undisturbed result")


def test_two_executors_on_one_checkpoint_dir_both_give_the_undisturbed_result(
    processes, undisturbed, tmp_path, figure
):
    expected, _ = undisturbed
    folder = str(tmp_path / "shared")
    two = [
        Pod(processes, tmp_path / name, checkpoint_dir=folder, module=str(tmp_path))
        for name in "ab"
    ]
    assert [pod.ended() for pod in two] == [0, 0]
    assert [outcome(pod.root) for pod in two] == [expected] * 2
    assert half_written(tmp_path) == []
    figure("two executors on one checkpoint_dir: both give the undisturbed result")
