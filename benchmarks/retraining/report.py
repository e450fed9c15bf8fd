"""The tables, as Markdown and as JSON."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.retraining.score import (
    BAD,
    CONTESTANTS,
    FALLBACK,
    FIXED,
    LAST,
    LAST_GOOD,
    LEAST_GAIN,
    Choice,
    Measured,
    by_family,
    total,
    verdicts,
    wins,
)
from benchmarks.tables import table

TIE = 0.02

LEGEND = f"""\
Each family is one pipeline that is retrained. Each span has new training rows and one
change, and all contestants train on the same rows with the same seeds, for the same
number of steps, at a constant rate. The data are the taxi trips of TFX's wheel and
scikit-learn's digits.

- **Excess**: `(V - V*) / (V0 - V*)`, at most 2. `V` is the loss on test rows, `V*` that
  of the best rate in hindsight: the best of 13 rates from 1e-6 to 1 and of what the
  contestants chose, by the mean over the seeds. `V0` is the loss of the untrained model
  or of a guess without features, whichever is lower.
- **Bad model**: its excess is above {BAD}, or its loss is not finite.
- **hand-written**: the best of the 13 rates on day 1 of the family, by evaluation
  rows, and never changed. This is a well-tuned rate.
- **found on day 1**: LRFinder's rate of day 1, never changed. **last run's**: the rate
  of LRFinder's newest OK result of the spans before. On day 1 there is none, so both
  then have the hand-written rate.
- **LRFinder**: a test on every span, with the results of the spans before on
  `previous`. If it is INCONCLUSIVE, `fallback` trains with the hand-written rate, and
  `last_good` with the newest OK rate of the same optimizer.
- **search**: random rates from 1e-5 to 1, uniform in the logarithm, as in a
  RandomSearch of KerasTuner. The best by evaluation rows wins. 5 trials share the
  steps that LRFinder may take, or 10 trials share 5 times as many."""


def document(spans: Sequence[Measured], command: str) -> str:
    """Returns the whole report.

    Args:
      spans: All spans, those of a family in a row.
      command: That made it.
    """
    good = [span for span in spans if span.learnable]
    others = [span for span in spans if not span.learnable]
    seen = verdicts(good)
    parts = [
        "# Retrainings in a row",
        f"Command: `{command}`. {len(spans)} retrainings in "
        f"{len({span.family for span in spans})} families. Each contestant names one "
        f"rate for a span, which trains from {len(spans[0].losses[0])} seeds.",
        LEGEND,
        f"## In all\n\n{len(good)} learnable spans:",
        _totals(good),
        "By LRFinder's verdict. INCONCLUSIVE is a false alarm here: "
        f"{seen.get('INCONCLUSIVE', 0)} of {len(good)}.",
        _verdicts(good),
        f"Spans on which LRFinder (last_good) is better, equal or worse. Two are equal "
        f"if the mean excess differs by at most {TIE}:",
        _wins(good),
        "## By family\n\nMean excess over the learnable spans:",
        _families(good),
    ]
    if others:
        parts += [
            "## Spans that cannot be learned\n\nThe labels are shuffled, or no rate "
            f"gains {100 * LEAST_GAIN:.0f} % over a guess without features. Every "
            "model is then worthless. With `on_inconclusive='fail'` the run stops "
            "before training if the verdict is INCONCLUSIVE. A loss is that on test "
            "rows, less that of a guess without features:",
            _others(others),
        ]
    parts += [
        "## Each span\n\nRates, and the excess in brackets; means over the seeds:",
        _rates(spans),
        "Test loss of each contestant, mean over the seeds:",
        _losses(spans),
        "## Seconds\n\nOnly this section differs between two runs with the same seeds. "
        "CPU seconds. LRFinder's include reading and tracing. Those of a search are "
        "of a compiled loop that was traced before, so a Tuner takes longer.",
        _seconds(spans),
    ]
    return "\n\n".join(parts) + "\n"


def as_json(spans: Sequence[Measured], command: str) -> dict[str, Any]:
    """Returns all numbers; losses that are not finite become null.

    `spans` is the same in two runs with the same seeds. `seconds` has those of each
    choice of each span.
    """

    def strict(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: entry for key, entry in value.items() if key != "seconds"}
            return {key: strict(entry) for key, entry in kept.items()}
        if isinstance(value, (list, tuple)):
            return [strict(entry) for entry in value]
        return value if not isinstance(value, float) or math.isfinite(value) else None

    return {
        "command": command,
        "spans": [strict(dataclasses.asdict(span)) for span in spans],
        "seconds": [[round(c.seconds, 2) for c in span.choices] for span in spans],
    }


def from_json(document: dict[str, Any]) -> list[Measured]:
    """Returns the spans that `as_json` wrote."""
    found = []
    for span, seconds in zip(document["spans"], document["seconds"], strict=True):
        choices = [
            Choice(**{**c, "losses": tuple(map(_number, c["losses"]))}, seconds=s)
            for c, s in zip(span["choices"], seconds, strict=True)
        ]
        losses = [tuple(map(_number, line)) for line in span["losses"]]
        changed = {"choices": tuple(choices), "losses": tuple(losses)}
        found.append(Measured(**{**span, **changed, "rates": tuple(span["rates"])}))
    return found


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _totals(good: Sequence[Measured]) -> str:
    rows = []
    for name in CONTESTANTS:
        found = total(good, name)
        rows.append(
            [
                name,
                f"{found.mean:.3f}",
                f"{found.median:.3f}",
                f"{found.worst:.2f}",
                f"{found.bad} of {found.trainings}",
                f"{found.steps:.0f}",
            ]
        )
    header = ["rate", "mean excess", "median", "worst span", "bad models", "steps"]
    return table(header, rows)


def _verdicts(good: Sequence[Measured]) -> str:
    names = (LAST_GOOD, LAST, FIXED)
    rows = []
    for verdict in verdicts(good):
        part = [span for span in good if span.of(LAST_GOOD).verdict == verdict]
        found = [total(part, name) for name in names]
        cells = [
            f"{entry.mean:.3f}, {entry.bad} of {entry.trainings}" for entry in found
        ]
        rows.append([verdict, str(len(part)), *cells])
    header = [f"{name}: mean excess, bad models" for name in names]
    return table(["verdict", "spans", *header], rows)


def _wins(good: Sequence[Measured]) -> str:
    others = [name for name in CONTESTANTS if name not in (LAST_GOOD, FALLBACK)]
    rows = [[name, *wins(good, LAST_GOOD, name, TIE)] for name in others]
    text = [[name, *map(str, counts)] for name, *counts in rows]
    return table(["against", "better", "equal", "worse"], text)


def _families(good: Sequence[Measured]) -> str:
    columns = [by_family(good, lambda part, n=n: total(part, n)) for n in CONTESTANTS]
    rows = [
        [family, *(f"{column[family].mean:.3f}" for column in columns)]
        for family in columns[0]
    ]
    return table(["family", *CONTESTANTS], rows)


def _others(others: Sequence[Measured]) -> str:
    rows = []
    for span in others:
        choice = span.of(LAST_GOOD)
        lost = [np.mean(span.of(n).losses) - span.prior for n in (LAST_GOOD, FIXED)]
        rows.append(
            [
                f"{span.family}, {span.span}: {span.change}",
                choice.verdict,
                "stops" if choice.verdict == "INCONCLUSIVE" else "trains",
                f"{choice.learning_rate:.2g}",
                *(f"{loss:+.3f}" for loss in lost),
            ]
        )
    header = ["span", "verdict", "with `fail`", "rate of `last_good`"]
    header += ["loss with `last_good`", "loss with the hand-written rate"]
    return table(header, rows)


def _rates(spans: Sequence[Measured]) -> str:
    shown = [name for name in CONTESTANTS if name != FALLBACK]
    rows = []
    for span in spans:
        cells = [f"{span.of(name).learning_rate:.2g}" for name in shown]
        if span.learnable:
            means = [float(np.mean(span.excess(name))) for name in shown]
            cells = [f"{c} ({m:.2f})" for c, m in zip(cells, means, strict=True)]
        best = "none" if span.broken else f"{span.best()[0]:.2g}"
        name = f"{span.family}, {span.span}: {span.change}"
        rows.append([name, best, *cells, span.of(LAST_GOOD).verdict])
    return table(["span", "best rate", *shown, "verdict"], rows)


def _losses(spans: Sequence[Measured]) -> str:
    rows = []
    for span in spans:
        means = [float(np.mean(span.of(name).losses)) for name in CONTESTANTS]
        numbers = [span.reference, span.best()[1], *means]
        name = f"{span.family}, {span.span}"
        rows.append([name, str(span.train_steps), *(f"{n:.4g}" for n in numbers)])
    header = ["span", "steps", "no training", "best rate", *CONTESTANTS]
    return table(header, rows)


def _seconds(spans: Sequence[Measured]) -> str:
    rows = []
    for name in CONTESTANTS:
        each = [span.of(name).seconds for span in spans]
        if any(each):
            rows.append([name, f"{np.median(each):.1f}", f"{max(each):.1f}"])
    return table(["rate", "median", "longest"], rows)
