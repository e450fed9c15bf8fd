"""Checks of single settings. Each raises a ValueError that says what to do.

They refuse what a backend would refuse late, or would report badly. Everything else is
left to the backend.
"""

import math
import os
import pathlib
import re
from collections.abc import Sequence

_IMAGE = re.compile(r"[^\s<>]+(:\w[\w.-]*|@sha256:[0-9a-f]{64})")
_CRON_FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of the month", 1, 31),
    ("month", 1, 12),
    ("day of the week", 0, 6),
)
_CRON_PART = re.compile(r"(\*|\w+(-\w+)?)(/\d+)?")


def image(flag: str, value: str) -> None:
    """Checks that an image has a tag or a digest, so that all pods run the same."""
    if not _IMAGE.fullmatch(value):
        raise ValueError(
            f"{flag} must be an image with a tag or a digest, such as "
            f"'registry.example.org/team/tfx-lr-finder:0.1.0', got {value!r}. Build "
            "and push the image of the Dockerfile."
        )


def root(flag: str, value: str, schemes: Sequence[str], reason: str) -> None:
    """Checks that a URI has a bucket, and a scheme that the backend supports."""
    scheme, separator, bucket = value.partition("://")
    if not separator or scheme not in schemes or not bucket.strip("/"):
        wanted = " or ".join(f"{scheme}://BUCKET/FOLDER" for scheme in schemes)
        raise ValueError(f"{flag} must be {wanted}, got {value!r}: {reason}")


def module(flag: str, value: str, pipeline_root: str) -> None:
    """Checks the user module: a dotted name, or a file that TFX can upload now."""
    if not value.endswith(".py"):
        if not all(part.isidentifier() for part in value.split(".")):
            raise ValueError(
                f"{flag} must be the dotted name of a module in the image, such as "
                f"'taxi_module', or the path of a .py file, got {value!r}."
            )
        return
    if not pathlib.Path(value).is_file():
        raise ValueError(f"{flag} is the file {value!r}, which does not exist.")
    scheme = pipeline_root.partition("://")[0]
    advice = "Copy the module into the image and pass its dotted name instead."
    if scheme != "gs":
        raise ValueError(
            f"{flag} is the file {value!r}. TFX packs it and writes it to --root while "
            f"it compiles, and it cannot write to {scheme}://. {advice}"
        )
    google_credentials(
        f"{flag} is the file {value!r}, which TFX packs and writes to {pipeline_root} "
        f"while it compiles. {advice} Or give this machine credentials."
    )


def google_credentials(reason: str) -> None:
    """Checks that this machine has credentials for Google Cloud.

    Args:
      reason: A sentence that says what needs them.

    Raises:
      ValueError: If there are none, or they cannot be read.
    """
    # One short question to the metadata server, which answers at once if there is one.
    os.environ.setdefault("GCE_METADATA_TIMEOUT", "1")
    os.environ.setdefault("GCE_METADATA_DETECT_RETRIES", "1")
    import google.auth
    import google.auth.exceptions

    try:
        google.auth.default()
    except google.auth.exceptions.GoogleAuthError as error:
        raise ValueError(
            f"{reason} This machine has no valid credentials for Google Cloud. Run "
            "`gcloud auth application-default login`, or name a key file in "
            f"GOOGLE_APPLICATION_CREDENTIALS. Google says: {error}"
        ) from error


def learning_rate(flag: str, value: float | None) -> None:
    """Checks a learning rate; None passes."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ValueError(f"{flag} must be positive and finite, got {value!r}.")


def at_least(flag: str, value: float, minimum: float) -> None:
    """Checks that a number is finite and not below a minimum."""
    if not math.isfinite(value) or value < minimum:
        raise ValueError(f"{flag} must be at least {minimum}, got {value}.")


def span_pattern(flag: str, value: str) -> None:
    """Checks that a pattern contains the span."""
    has_date = all(part in value for part in ("{YYYY}", "{MM}", "{DD}"))
    if value.startswith("/") or not ("{SPAN" in value or has_date):
        raise ValueError(
            f"{flag} must be a pattern below --data that contains {{SPAN}}, or all of "
            f"{{YYYY}}, {{MM}} and {{DD}}, such as 'span-{{SPAN}}/*', got {value!r}."
        )


def cron(flag: str, value: str) -> None:
    """Checks a schedule of five fields."""
    fields = value.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError(
            f"{flag} must have five fields (minute, hour, day of the month, month, day "
            f"of the week), such as '0 4 * * *', got {len(fields)} in {value!r}."
        )
    for text, (name, low, high) in zip(fields, _CRON_FIELDS, strict=True):
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        if not all(_CRON_PART.fullmatch(part) for part in text.split(",")) or not all(
            low <= number <= high for number in numbers
        ):
            raise ValueError(
                f"{flag}: the {name} must be '*', or numbers from {low} to {high} as "
                f"in '1,5', '1-5' or '*/2', got {text!r} in {value!r}."
            )


def output_file(flag: str, value: str) -> None:
    """Checks that a file can be written."""
    path = pathlib.Path(value)
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(
            f"{flag} must be a file in a folder that exists and is writable, got "
            f"{value!r}. Create the folder first."
        )
