"""What can be read off the graph of a traced training step."""

import hashlib
import re
from collections.abc import Iterator
from typing import Any

DRAWS = (
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
"""Operations whose generator lives in their kernel, out of reach of a checkpoint."""

_NUMBERS = re.compile(rb"\d+")


def draws_outside_variables(graph: Any) -> bool:
    """Returns whether a step draws random numbers from a generator in a kernel.

    Args:
      graph: The traced step.
    """
    return any(node.op in DRAWS for node in _nodes(graph))


def digest(graph: Any) -> str:
    """Returns a digest of the operations of a step and of its constants.

    The same in every process that traces the same code. Names are left out: they
    number what a process has made before.

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
    """Returns an attribute as bytes; names end in numbers that differ by process."""
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
