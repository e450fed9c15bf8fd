"""Facts about a training step, read from its traced graph."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

RANDOM_OPERATIONS = (
    "Multinomial",
    "ParameterizedTruncatedNormal",
    "RandomGamma",
    "RandomPoisson",
    "RandomPoissonV2",
    "RandomShuffle",
    "RandomStandardNormal",
    "RandomUniform",
    "RandomUniformInt",
    "TruncatedNormal",
)
"""Operations whose random generator is hidden in their kernel."""

_NUMBERS = re.compile(rb"\d+")


def draws_outside_variables(graph: Any) -> bool:
    """Returns whether a step uses a random generator that is not a variable.

    Args:
      graph: The traced step.
    """
    return any(node.op in RANDOM_OPERATIONS for node in _nodes(graph))


def digest(graph: Any) -> str:
    """Returns a digest of the operations of a step and of its constants.

    It is the same in every process that traces the same code. Names are left out,
    because their numbers depend on what the process has created before.

    Args:
      graph: The traced step.

    Returns:
      A SHA-256 in hexadecimal.
    """
    lines = sorted(_line(node) for node in _nodes(graph))
    return hashlib.sha256(b"\0".join(lines)).hexdigest()


def _nodes(graph: Any) -> Iterator[Any]:
    definition = graph.as_graph_def()
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def


def _line(node: Any) -> bytes:
    """Returns an operation and its attributes as bytes, without numbered names."""
    parts = [node.op.encode()]
    for name in sorted(node.attr):
        if not name.startswith("_"):
            parts += [name.encode(), _without_numbers(node.attr[name])]
    return b"\1".join(parts)


def _without_numbers(value: Any) -> bytes:
    """Returns an attribute as bytes; the numbers in names differ by process."""
    kind = value.WhichOneof("value")
    if kind == "list" and (value.list.func or value.list.s):
        names = [item.name.encode() for item in value.list.func]
        return _NUMBERS.sub(b"", b"\2".join([*names, *value.list.s]))
    if kind == "func":
        return _NUMBERS.sub(b"", value.func.name.encode())
    if kind == "s":
        return _NUMBERS.sub(b"", value.s)
    text: bytes = value.SerializeToString(deterministic=True)
    return text
