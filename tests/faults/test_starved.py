"""No memory, no disc, no rights, no connection, and a clock that is wrong."""

import contextlib
import subprocess

import pytest

from tests.faults import modules
from tests.faults.injected import FAILING
from tests.faults.pods import Pod, half_written, outcome

long = pytest.mark.long

SHORT = {"num_rates": 12, "num_sweeps": 1, "max_steps": 200, "seconds": 0}
OUTPUTS = ("lr_finder_result", "best_hyperparameters")


@pytest.fixture(scope="module")
def undisturbed(processes, tmp_path_factory):
    """The outcome of a pod that nothing happens to."""
    pod = Pod(processes, tmp_path_factory.mktemp("pods") / "pod", **SHORT)
    assert pod.ended() == 0, pod.log[-3000:]
    return outcome(pod.root)


@contextlib.contextmanager
def _mounted(folder, options):
    """A file system of its own on a folder, as only root can mount it."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


FULL_DISC = "size=4k,nr_inodes=2"
READ_ONLY = "ro"

ONE_CAUSE = {
    "a clock that goes back": {"inject": "clock_goes_back"},
    "a slow disc": {"inject": "slow_disc"},
    "a disc that fails": {"inject": "failing_state"},
    "a full disc": {"mount": FULL_DISC},
    "no rights": {"mount": READ_ONLY},
    "a remote folder that fails": {"inject": "failing_file_system", "remote": True},
    "one that fails now and then": {"inject": "moody_file_system", "remote": True},
}
QUICK = ("a full disc", "no rights")


@pytest.mark.parametrize(
    "cause", [pytest.param(c, marks=() if c in QUICK else long) for c in ONE_CAUSE]
)
def test_faults_of_the_working_directory_do_not_change_the_result(
    cause, processes, undisturbed, tmp_path, figure
):
    given = dict(ONE_CAUSE[cause])
    options = given.pop("mount", None)
    root = tmp_path / "pod"
    if given.pop("remote", False):
        given["checkpoint_dir"] = f"{FAILING}://{root}/checkpoints"
    with contextlib.ExitStack() as stack:
        if options is not None:
            stack.enter_context(_mounted(root / "state", options))
        pod = Pod(processes, root, **given, **SHORT)
        assert pod.ended() == 0, pod.log[-3000:]
        assert half_written(root) == []
    assert outcome(root) == undisturbed
    figure(f"working directory, {cause}: the undisturbed result")


CAUSES_AT_THE_OUTPUTS = {
    "a full disc": {"mount": FULL_DISC},
    "a full disc at the second output": {"mount": "nr_inodes=1", "at": OUTPUTS[1]},
    "no rights": {"mount": READ_ONLY},
    "a disc that fails": {"inject": "failing_outputs"},
    "a remote folder that fails": {"inject": "failing_file_system", "remote": True},
}


@pytest.mark.parametrize(
    "cause",
    [
        pytest.param(c, marks=() if c == "a full disc" else long)
        for c in CAUSES_AT_THE_OUTPUTS
    ],
)
def test_faults_of_the_output_folders_fail_the_node_and_a_rerun_succeeds(
    cause, processes, undisturbed, tmp_path, figure
):
    given = dict(CAUSES_AT_THE_OUTPUTS[cause])
    options, at = given.pop("mount", None), given.pop("at", OUTPUTS[0])
    root = tmp_path / "pod"
    if given.pop("remote", False):
        given["folders"] = {name: f"{FAILING}://{root}/{name}" for name in OUTPUTS}
    with contextlib.ExitStack() as stack:
        if options is not None:
            stack.enter_context(_mounted(root / at, options))
        pod = Pod(processes, root, **given, **SHORT)
        assert pod.ended() == 1, pod.log[-3000:]
        assert half_written(root) == []
        assert not list((root / at).glob("*.json"))
        assert not list((root / at).glob("*.txt"))
    again = Pod(processes, root, **SHORT)
    assert again.ended() == 0, again.log[-3000:]
    assert "resuming from" in again.log
    assert outcome(root) == undisturbed
    figure(f"outputs, {cause}: the node fails; run again, the undisturbed result")


@long
@pytest.mark.parametrize("megabytes", [100, 900])
def test_out_of_memory_ends_with_an_error_and_a_rerun_succeeds(
    megabytes, processes, tmp_path, figure
):
    parameters = {
        **SHORT,
        "confirm_steps": 0,
        "text": modules.HUNGRY,
        "times": 4_000_000,
    }
    limits = {"RLIMIT_AS": megabytes * 2**20}
    pod = Pod(processes, tmp_path / "pod", limits=limits, **parameters)
    code = pod.ended()
    assert code not in (0, None), pod.log[-3000:]
    assert half_written(pod.root) == []
    assert not any((pod.root / name).exists() for name in OUTPUTS)
    if megabytes > 500:
        assert "MemoryError: Out of memory on the CPU at a batch size of 16" in pod.log
    again, other = (
        Pod(processes, tmp_path / name, **parameters) for name in ("pod", "two")
    )
    assert [again.ended(), other.ended()] == [0, 0]
    assert outcome(again.root) == outcome(other.root)
    figure(
        f"{megabytes} MB more than at the start: exit code {code}, no outputs; run "
        "again with memory, the undisturbed result"
    )


def test_the_verdict_is_the_error_even_if_its_evidence_cannot_be_saved(
    processes, tmp_path
):
    parameters = {**SHORT, "text": modules.HOPELESS, "on_inconclusive": "fail"}
    pod = Pod(processes, tmp_path / "pod", inject="failing_state", **parameters)
    assert pod.ended() == 1
    assert "InconclusiveError: The range test found no learning rate" in pod.log
    assert "Only the log of this node has the report, because" in pod.log
