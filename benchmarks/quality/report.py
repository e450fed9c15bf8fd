"""The tables, as text for the terminal, as Markdown and as JSON."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

from benchmarks.quality.contestants import Finding
from benchmarks.quality.score import Difference, Score
from benchmarks.quality.truth import Truth
from benchmarks.tables import table

_COLUMNS = (
    ("finder", "finder", "{}"),
    ("regret mean", "mean", "{:.3f}"),
    ("median", "median", "{:.3f}"),
    ("p90", "p90", "{:.3f}"),
    ("worst", "worst", "{:.2f}"),
    ("within 5 %", "within_5_percent", "{:.0%}"),
    ("over 0.5", "catastrophes", "{:.0%}"),
    ("spread (decades)", "spread", "{:.2f}"),
    ("steps", "steps", "{:.0f}"),
)

LEGEND = """\
Regret of a rate: `(V - V*) / (V0 - V*)`. `V` is the held-out loss after the whole
training at that constant rate, `V*` the loss of the best rate of the grid, and `V0` the
loss of the untrained model. Regret is at most 2, and 2 if a finder gives no rate.
Spread: standard deviation of the log10 rate over seeds, mean over tasks. Steps:
training steps used."""

CAVEATS = """\
Four constants of this project's finder were chosen on these tasks: a decade between
probes, half a decade between candidates, 20 steps per probe, and the gap that counts as
overfitting. Its rows may therefore look better than on new tasks. The other constants
were chosen on the generated tasks of benchmarks/learning_curves, with a look at these.
The constants of the other finders were not chosen here. The last column shows how much
a single task changes a mean. One transformer task was replaced after every policy had a
regret of about 0.57 on it: it began to learn only after 500 to 1,000 steps, and its
truth was not reproducible (equal rates differed by 0.3 of the gain between seeds).
These budgets are too small for a model that learns so late. The truth has three seeds
and four rates per decade. Every task is small and trains at a constant rate."""


def score_table(scores: Sequence[Score]) -> str:
    """Returns the table of finders, ours first and then by mean regret."""
    rows = []
    for entry in scores:
        row = [form.format(getattr(entry, name)) for _, name, form in _COLUMNS]
        row.append(f"{entry.left_out[0]:.3f} to {entry.left_out[1]:.3f}")
        rows.append(row)
    header = [title for title, _, _ in _COLUMNS] + ["mean, one task left out"]
    return table(header, rows)


def task_table(scores: Sequence[Score], truths: dict[str, Truth]) -> str:
    """Returns mean regrets by task, for the finders given."""
    tasks = sorted({task for entry in scores for task in entry.by_task})
    rows = [
        [task, f"{truths[task].best():.2g}", str(truths[task].train_steps)]
        + [f"{entry.by_task.get(task, float('nan')):.3f}" for entry in scores]
        for task in tasks
    ]
    names = [entry.finder for entry in scores]
    return table(["task", "best rate", "train steps", *names], rows)


def difference_table(differences: Sequence[Difference]) -> str:
    """Returns ours less a peer's mean regret, with 95 % intervals."""
    rows = [
        [d.finder, d.other, f"{d.mean:+.3f}", f"{d.low:+.3f} to {d.high:+.3f}"]
        for d in differences
    ]
    header = ["finder", "peer", "difference of mean regret", "95 % interval"]
    return table(header, rows)


def verdict_table(findings: Sequence[Finding]) -> str:
    """Returns how often each verdict fell, by task, for finders that have one."""
    counts: dict[tuple[str, str], collections.Counter[str]] = {}
    for entry in findings:
        if entry.verdict:
            index = (entry.task, entry.finder)
            counts.setdefault(index, collections.Counter())[entry.verdict] += 1
    finders = sorted({finder for _, finder in counts})
    rows = [
        [task]
        + [
            " ".join(f"{n} {name}" for name, n in sorted(counts[task, finder].items()))
            for finder in finders
        ]
        for task in sorted({task for task, _ in counts})
    ]
    return table(["task", *finders], rows)


def document(
    findings: Sequence[Finding],
    scores: Sequence[Score],
    differences: Sequence[Difference],
    truths: dict[str, Truth],
    notes: dict[str, Any],
) -> str:
    """Returns the whole report as Markdown."""
    facts = "\n".join(f"- {key}: {value}" for key, value in notes.items())
    parts = [
        "# Quality of the suggested learning rates",
        facts,
        LEGEND,
        CAVEATS,
        score_table(scores),
        "Mean regret of ours less the best peer's, tasks and seeds resampled:",
        difference_table(differences),
        "Mean regret by task:",
        task_table(scores[:5], truths),
        "Verdicts by task:",
        verdict_table(findings),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_json(
    scores: Sequence[Score], differences: Sequence[Difference], notes: dict[str, Any]
) -> dict[str, Any]:
    """Returns the same as plain data."""
    return {
        "notes": notes,
        "finders": [dataclasses.asdict(entry) for entry in scores],
        "differences": [dataclasses.asdict(entry) for entry in differences],
    }
