"""Checks of single settings; each raises a ValueError that says what to do."""

import math
import pathlib
import re

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_IMAGE = re.compile(
    r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
MAX_NAME = 48  # the backend adds a suffix, and a label holds 63


def kubernetes_name(flag, value):
    """Checks a name that goes into names and labels of Kubernetes objects."""
    if not _NAME.fullmatch(value) or len(value) > MAX_NAME:
        raise ValueError(
            f"{flag} must be a name that Kubernetes takes: at most {MAX_NAME} of the "
            "characters a-z, 0-9 and '-', a letter first and no '-' last; got "
            f"{value!r}."
        )


def image(flag, value):
    """Checks the name of a container image."""
    if not value or not _IMAGE.fullmatch(value):
        raise ValueError(
            f"{flag} must be an image that the pods can pull, such as "
            f"'registry.example.org/team/tfx-lr-finder:0.1.0', got {value!r}. Build "
            "and push the Dockerfile's."
        )


def root(flag, value, schemes, reason):
    """Checks that a uri has one of the backend's schemes and a bucket."""
    scheme, separator, bucket = value.partition("://")
    if not separator or scheme not in schemes or not bucket.strip("/"):
        wanted = " or ".join(f"{scheme}://BUCKET/FOLDER" for scheme in schemes)
        raise ValueError(f"{flag} must be {wanted}, got {value!r}: {reason}")


def module(flag, value, pipeline_root):
    """Checks the user module: a dotted name, or a file that can be packed now."""
    if not value.endswith(".py"):
        if not _DOTTED.fullmatch(value):
            raise ValueError(
                f"{flag} must be the dotted name of a module in the image, such as "
                f"'taxi_module', or the path of a .py file; got {value!r}."
            )
        return
    if not pathlib.Path(value).is_file():
        raise ValueError(f"{flag} names the file {value!r}, which does not exist.")
    scheme = pipeline_root.partition("://")[0]
    advice = "Bake the module into the image and pass its dotted name instead."
    if scheme != "gs":
        raise ValueError(
            f"{flag} is the file {value!r}, which TFX packs and writes to the root as "
            f"it compiles, and it cannot write to {scheme}://. {advice}"
        )
    _google_credentials(flag, value, pipeline_root, advice)


def _google_credentials(flag, value, pipeline_root, advice):
    import google.auth
    import google.auth.exceptions

    try:
        google.auth.default()
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise ValueError(
            f"{flag} is the file {value!r}, which TFX packs and writes to "
            f"{pipeline_root} when it compiles, and this machine has no credentials "
            "for it: run `gcloud auth application-default login` first. Or: "
            f"{advice[0].lower()}{advice[1:]}"
        ) from error


def rate(flag, value):
    """Checks a learning rate, if there is one."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ValueError(f"{flag} must be positive and finite, got {value!r}.")


def at_least(flag, value, least):
    """Checks that a number is finite and not too small."""
    if not math.isfinite(value) or value < least:
        raise ValueError(f"{flag} must be at least {least}, got {value}.")


def span_pattern(flag, value):
    """Checks that a pattern says where the span is."""
    date = all(part in value for part in ("{YYYY}", "{MM}", "{DD}"))
    if value.startswith("/") or not ("{SPAN" in value or date):
        raise ValueError(
            f"{flag} must be a pattern below --data with {{SPAN}}, or with {{YYYY}}, "
            f"{{MM}} and {{DD}}, in it, such as 'span-{{SPAN}}/*'; got {value!r}."
        )


_MONTHS = [
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_CRON_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)


def cron(flag, value):
    """Checks a schedule of five fields."""
    fields = value.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError(
            f"{flag} must have five fields (minute, hour, day of the month, month, day "
            f"of the week), such as '0 4 * * *', got {len(fields)} in {value!r}."
        )
    for text, (name, low, high, names) in zip(fields, _CRON_FIELDS, strict=True):
        if not all(_cron_part(part, low, high, names) for part in text.split(",")):
            raise ValueError(
                f"{flag}: the {name} must be '*', or numbers from {low} to {high} as "
                f"in '1,15', '1-5' or '*/2'; got {text!r} in {value!r}."
            )


def _cron_part(text, low, high, names):
    """Returns whether one part of a field, without commas, is well formed."""
    span, slash, step = text.partition("/")
    if slash and not (step.isdecimal() and 1 <= int(step) <= high):
        return False
    if span == "*":
        return True
    ends = [_cron_number(end, low, names) for end in span.split("-")]
    in_range = all(end is not None and low <= end <= high for end in ends)
    return in_range and len(ends) <= 2 and ends == sorted(ends)


def _cron_number(text, low, names):
    if text.lower() in names:
        return names.index(text.lower()) + low
    return int(text) if text.isdecimal() else None


def switch(variable, given):
    """Returns whether an environment variable switches something on."""
    known = {None: False, "": False, "0": False, "false": False}
    known |= {"1": True, "true": True}
    if given not in known:
        raise ValueError(f"{variable} must be 1, true, 0 or false, got {given!r}.")
    return known[given]


def convert(variable, given, wanted, choices):
    """Returns an environment variable's value as its flag's type."""
    try:
        value = wanted(given) if wanted else given
    except ValueError as error:
        raise ValueError(
            f"{variable} must be a {wanted.__name__}, got {given!r}."
        ) from error
    if choices and value not in choices:
        raise ValueError(f"{variable} must be one of {choices}, got {given!r}.")
    return value
