"""The parameter `which_fit` of both components: which `fit` of `run_fn` counts."""

from typing import Any

from tfx_lr_finder.settings.parameters import is_deferred

FIRST = "first"
EVERY = "every"


def as_text(which_fit: Any) -> Any:
    """Returns the value as the string that the execution parameter holds.

    Args:
      which_fit: "first", "every", or a number as an int or a string. A value that is
        not known yet is returned unchanged.

    Raises:
      ValueError: It is something else.
    """
    if is_deferred(which_fit):
        return which_fit
    is_number = isinstance(which_fit, int) and not isinstance(which_fit, bool)
    text = str(which_fit) if is_number else which_fit
    if isinstance(text, str) and (text in (FIRST, EVERY) or _is_number(text)):
        return text
    raise ValueError(
        "which_fit must be 'first', 'every' or the number of a call of fit, from 1 up, "
        f"got {which_fit!r}."
    )


def fit_number(which_fit: str) -> int | None:
    """Returns the number of the `fit` that counts, from 1 up; None for every one."""
    if which_fit == EVERY:
        return None
    return 1 if which_fit == FIRST else int(which_fit)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) >= 1
