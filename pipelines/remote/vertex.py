"""The machines and the GPUs of Vertex AI."""

import ast
import importlib.util
import pathlib
import re

GPU_COUNTS = (1, 2, 4, 8, 16)
_MACHINE_TYPE = re.compile(r"[a-z]\w*(-[a-z]+)+(-\d+)?(-[a-z]+)?(-\d+g)?")


def accelerators() -> tuple[str, ...]:
    """The types of GPU that Google's installed client knows; empty without a client.

    They are read from its source. To import the client takes half a minute.
    """
    spec = importlib.util.find_spec("google.cloud.aiplatform_v1")
    if spec is None or spec.origin is None:
        return ()
    source = pathlib.Path(spec.origin).parent / "types" / "accelerator_type.py"
    targets = (
        target.id
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    )
    return tuple(name for name in targets if name.startswith("NVIDIA_"))


def check_accelerator(accelerator: str, count: int) -> None:
    """Checks that Vertex has this type and number of GPUs.

    Raises:
      ValueError: If it does not.
    """
    known = accelerators()
    if known and accelerator not in known:
        raise ValueError(
            f"--accelerator must be a type of Vertex, got {accelerator!r}. Vertex has "
            f"{', '.join(known)}."
        )
    if count not in GPU_COUNTS:
        raise ValueError(
            f"--accelerator-count must be 1, 2, 4, 8 or 16 on Vertex, got {count}."
        )


def check_machine_type(machine_type: str) -> None:
    """Checks the form of a type of machine. Only Vertex knows which exist where.

    Raises:
      ValueError: If it has another form.
    """
    if not _MACHINE_TYPE.fullmatch(machine_type):
        raise ValueError(
            "--machine-type must be a type of machine of Google Cloud, such as "
            f"n1-standard-8 or a2-highgpu-1g, got {machine_type!r}."
        )
