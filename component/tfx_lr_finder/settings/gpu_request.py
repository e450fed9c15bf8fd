"""How many GPUs the pod should have, and what to do if it has fewer."""

import dataclasses

from tfx_lr_finder.settings.keys import FAIL, WARN


@dataclasses.dataclass(frozen=True, kw_only=True)
class GpuRequest:
    """The GPUs that the runner requests for LRFinder's pod.

    Attributes:
      requested_gpus: Number of GPUs, at least 0. 0 checks nothing.
      on_no_gpu: `warn` or `fail` if the pod has fewer.

    Raises:
      ValueError: A value is out of its range.
    """

    requested_gpus: int = 0
    on_no_gpu: str = WARN

    def __post_init__(self) -> None:
        """Checks both values."""
        if self.requested_gpus < 0:
            raise ValueError(
                f"requested_gpus must be at least 0, got {self.requested_gpus}. It is "
                "the number of GPUs that the runner requests for LRFinder's pod. 0 "
                "turns the check off."
            )
        if self.on_no_gpu not in (WARN, FAIL):
            raise ValueError(
                f"on_no_gpu must be 'warn' or 'fail', got {self.on_no_gpu!r}."
            )


def complaint(requested: int, found: int, has_cuda: bool) -> str | None:
    """Returns what is wrong with the GPUs of this pod and what to do, or None.

    Args:
      requested: GPUs that the runner requested, at least 0.
      found: GPUs that TensorFlow sees.
      has_cuda: Whether this TensorFlow was built for GPUs.
    """
    if found >= requested:
        return None
    cause = (
        "Either the node has none, or the image lacks the CUDA libraries (build it "
        "with `--target gpu`), or the driver is too old for them. Run `nvidia-smi` in "
        "the pod to see."
        if has_cuda
        else "This TensorFlow was built without CUDA. Use an image whose TensorFlow "
        "has it (build it with `--target gpu`)."
    )
    return (
        f"{requested} GPU{'s' if requested != 1 else ''} requested, {found} found. "
        f"{cause} The test now runs on "
        f"{'the CPU' if not found else f'{found} GPUs'}. Set on_no_gpu='fail' to stop "
        "the run instead."
    )
