"""The tables, as text for the terminal, as Markdown and as JSON."""

import collections
import dataclasses
from collections.abc import Sequence
from typing import Any

from benchmarks.quality.contestants import Finding
from benchmarks.quality.score import Difference, Score
from benchmarks.quality.truth import Truth

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
Regret of a rate: (V - V*) / (V0 - V*), where V is the held-out loss after the whole
training at that constant rate, V* that of the best rate of the grid and V0 that of the
untrained model; at most 2; no rate counts 2. Spread: standard deviation of log10 rate
over seeds, mean over tasks. Steps: training steps spent."""

CAVEATS = """\
The constants of this project's finder (a decade between probes and half of one between
candidates, 20 steps a probe, what share of the budget a candidate gets, 5 %, the power
0.4 with 1,000 steps, the gap that counts as overfitting) were chosen on these very
tasks, so its rows flatter it; the last column shows how far a single task carries a
mean. The peers' constants were not. One transformer task was replaced, after every
policy tried had a regret of about 0.57 on it: it began to learn after 500 to 1,000
steps only, and its truth was not reproducible (equal rates differed by 0.3 of the gain
from seed to seed). A model that learns as late is beyond these budgets. Truth has
three seeds and four rates a decade; every task is small, at a constant rate."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table whose columns line up."""
    cells = [list(header), *[list(row) for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(widths[i + 1]) for i, cell in enumerate(row[1:])]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return "\n".join([line(cells[0]), line(rule), *map(line, cells[1:])])


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
