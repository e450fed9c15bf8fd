"""GPUs that were asked for, against GPUs that are there."""

WARN = "warn"
FAIL = "fail"
POLICIES = (WARN, FAIL)


def check_policy(on_no_gpu: str) -> None:
    """Checks the value of `on_no_gpu`.

    Args:
      on_no_gpu: What to do when a GPU was asked for and none is there.

    Raises:
      ValueError: If it is neither `warn` nor `fail`.
    """
    if on_no_gpu not in POLICIES:
        raise ValueError(f"on_no_gpu must be 'warn' or 'fail', got {on_no_gpu!r}.")


def check_count(requested_gpus: int) -> None:
    """Checks the value of `requested_gpus`.

    Args:
      requested_gpus: GPUs that the runner asks for.

    Raises:
      ValueError: If it is negative.
    """
    if requested_gpus < 0:
        raise ValueError(
            f"requested_gpus must be at least 0, got {requested_gpus}. It is how many "
            "GPUs the runner asks for LRFinder's pod; 0 checks nothing."
        )


def complaint(requested: int, found: int, has_cuda: bool) -> str | None:
    """Returns what is wrong with the GPUs of this pod, and what to do; None if nothing.

    Args:
      requested: GPUs that were asked for, at least 0.
      found: GPUs that TensorFlow sees.
      has_cuda: Whether this TensorFlow was built for GPUs.
    """
    if found >= requested:
        return None
    cause = (
        "The node gave none, or the image lacks the CUDA libraries (build it with "
        "`--target gpu`), or the driver is too old for them: `nvidia-smi` in the pod "
        "tells."
        if has_cuda
        else "This TensorFlow was built without CUDA: use an image whose TensorFlow "
        "has it (build it with `--target gpu`)."
    )
    return (
        f"{requested} GPU{'s' if requested != 1 else ''} requested, {found} found. "
        f"{cause} Without, the test runs on "
        f"{'the CPU' if not found else f'{found} of them'}; on_no_gpu='fail' stops the "
        "run instead."
    )
