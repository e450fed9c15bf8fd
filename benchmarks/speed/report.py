"""The tables of the speed benchmark."""

import statistics
from typing import Any

from benchmarks.speed.plan import EVERYBODY, GOALS, KERAS, MODELS
from benchmarks.tables import table

Results = dict[str, Any]
TITLES = {
    "article": "(a) article's eager loop",
    "callback": "(b) fit + callback",
    "fit": "(c) fit alone",
    "bare": "(d) bare compiled loop",
    "ours": "(e) ours",
}
MODEL_TITLES = {
    "mlp": "MLP",
    "wide_and_deep": "wide and deep, taxi",
    "conv": "convolutional, batch norm",
    "transformer": "transformer",
    "embedding": "embedding, 32 million parameters",
}
NOTE = """\
One run. The contestants took turns, each time on a fresh model with equal weights and
on the same batches of 32. Ratios are medians of the ratios within a turn. "Whole sweep"
is the wall time from a compiled model to all losses, including tracing. For (e) it is a
complete call of `find_learning_rate(model, data, data, num_sweeps=1, confirm_steps=0)`
with its report. "Per step" is measured after all tracing. For (e) it is a complete
sweep, including the reset of the model. (b) reads the loss that `fit` passes to a
callback, which is a running mean. (c) and (d) set no rate. Time to the first step: for
(a) and (b), the time to the first loss; for the others, the whole sweep less the other
steps. The data are read without autotuning, because with it TensorFlow sometimes waits
for seconds before it ends an iterator."""

LIMIT_NOTE = """\
(d), the bare compiled loop without a finder, is the limit. In so short a sweep, (b),
(d) and (e) spend most of their time on tracing the model once."""


def render(results: Results) -> str:
    """Returns the report.

    Args:
      results: What the processes measured, as written to speed.json.
    """
    machine = ", ".join(f"{key} {value}" for key, value in results["machine"].items())
    parts = [
        "# Speed of a sweep",
        f"`{results['command']}`, {results['minutes']} minutes; {machine}.",
        NOTE,
        "## Goals",
        table(["goal", "wanted", "measured", "met"], _goal_rows(results)),
        LIMIT_NOTE,
        "## Whole sweep, tracing included",
        table(
            ["keras", "model", "steps", "contestant", "seconds", "times ours", "n"],
            _sweep_rows(results),
        ),
        "## Per step, everything traced before",
        table(
            ["keras", "model", "contestant", "µs per step", "times bare", "quartiles"]
            + ["rounds", "host share"],
            _steady_rows(results),
        ),
        "## Time to the first step, seconds (sweeps of 100 steps)",
        table(["keras", "model", *TITLES.values()], _first_step_rows(results)),
        "## Peak memory of a process that sweeps once, 300 steps (embedding: 20)",
        table(
            ["keras", "model", "contestant", "MiB", "of it the sweep", "times fit"],
            _memory_rows(results),
        ),
        "## First call in a process, in no figure above (MLP, 30 steps), seconds",
        _first_call_note(results),
        table(["keras", *TITLES.values()], _first_call_rows(results)),
    ]
    return "\n\n".join(part for part in parts if part)


def _seconds(results: Results, *where: Any) -> dict[int, float]:
    """Returns repeat to seconds of (keras, model, steps, contestant)."""
    keys = ("keras", "model", "steps", "contestant")
    return {
        item["repeat"]: item["seconds"]
        for item in results["timings"]
        if tuple(item[key] for key in keys) == where
    }


def _ratio(theirs: dict[int, float], ours: dict[int, float]) -> float | None:
    both = sorted(set(theirs) & set(ours))
    if not both:
        return None
    return statistics.median(theirs[i] / ours[i] for i in both)


def _steady(results: Results, *where: str) -> list[float]:
    """Returns the seconds per step of (keras, model, contestant), one a round."""
    return next(
        (
            item["seconds_per_step"]
            for item in results["steady"]
            if (item["keras"], item["model"], item["contestant"]) == where
        ),
        [],
    )


def _times_bare(results: Results, keras: str, model: str, name: str) -> list[float]:
    return [
        theirs / bare
        for theirs, bare in zip(
            _steady(results, keras, model, name),
            _steady(results, keras, model, "bare"),
            strict=False,
        )
    ]


def _cases(results: Results) -> list[tuple[str, str]]:
    seen = {(item["keras"], item["model"]) for item in results["timings"]}
    return [(k, m) for k in KERAS for m in MODELS if (k, m) in seen]


def _sweep_rows(results: Results) -> list[list[str]]:
    rows = []
    steps_seen = sorted({item["steps"] for item in results["timings"]})
    for keras, model in _cases(results):
        for steps in steps_seen:
            ours = _seconds(results, keras, model, steps, "ours")
            for name in EVERYBODY:
                theirs = _seconds(results, keras, model, steps, name)
                ratio = _ratio(theirs, ours)
                if ratio is None:
                    continue
                median = statistics.median(theirs.values())
                rows.append(
                    [keras, MODEL_TITLES[model], f"{steps:,}", TITLES[name]]
                    + [f"{median:.2f}", f"{ratio:.1f}", str(len(theirs))]
                )
    return rows


def _steady_rows(results: Results) -> list[list[str]]:
    rows = []
    for keras, model in _cases(results):
        for name in EVERYBODY:
            ratios = _times_bare(results, keras, model, name)
            low, middle, high = statistics.quantiles(ratios, n=4)
            median = statistics.median(_steady(results, keras, model, name))
            rows.append(
                [keras, MODEL_TITLES[model], TITLES[name], f"{1e6 * median:.0f}"]
                + [f"{middle:.3f}", f"{low:.3f} to {high:.3f}", str(len(ratios))]
                + [_host_share(results, keras, model) if name == "ours" else ""]
            )
    return rows


def _host_share(results: Results, *where: str) -> str:
    return next(
        f"{100 * item['host_share']:.1f} %"
        for item in results["steady"]
        if (item["keras"], item["model"]) == where and item["contestant"] == "ours"
    )


def _first_step_rows(results: Results) -> list[list[str]]:
    rows = []
    for keras, model in _cases(results):
        row = [keras, MODEL_TITLES[model]]
        for name in EVERYBODY:
            row.append(f"{_first_step(results, keras, model, name):.2f}")
        rows.append(row)
    return rows


def _first_step(results: Results, keras: str, model: str, name: str) -> float:
    where = (keras, model, 100, name)
    shown = [
        item["first_step"]
        for item in results["timings"]
        if (item["keras"], item["model"], item["steps"], item["contestant"]) == where
        and item["first_step"] is not None
    ]
    if shown:
        return statistics.median(shown)
    whole = statistics.median(_seconds(results, *where).values())
    return whole - 99 * statistics.median(_steady(results, keras, model, name))


def _peaks(results: Results, keras: str, model: str) -> dict[str, dict[str, Any]]:
    return {
        item["contestant"]: item
        for item in results["memory"]
        if (item["keras"], item["model"]) == (keras, model)
    }


def _memory_rows(results: Results) -> list[list[str]]:
    rows = []
    cases = dict.fromkeys((item["keras"], item["model"]) for item in results["memory"])
    for keras, model in cases:
        peaks = _peaks(results, keras, model)
        for name, item in peaks.items():
            own = (item["peak"] - item["before"]) / 2**20
            ratio = item["peak"] / peaks["fit"]["peak"]
            rows.append(
                [keras, MODEL_TITLES[model], TITLES[name]]
                + [f"{item['peak'] / 2**20:.0f}", f"{own:.0f}", f"{ratio:.2f}"]
            )
    return rows


def _first_call_note(results: Results) -> str:
    if "tf_keras" not in results["first_calls"]:
        return ""
    return (
        "The first `fit` of tf_keras in a process has autograph convert tf_keras "
        "itself. Order: (e), (c), (a), (b), (d)."
    )


def _first_call_rows(results: Results) -> list[list[str]]:
    return [
        [keras, *(f"{first[name]:.2f}" for name in EVERYBODY)]
        for keras, first in results["first_calls"].items()
    ]


def _goal_rows(results: Results) -> list[list[str]]:
    """Returns one row for each goal and Keras that was measured."""
    rows = []
    for keras in results["first_calls"]:
        for name, value in _goal_values(results, keras).items():
            goal = GOALS[name]
            met = "yes" if value <= goal.limit else "NO"
            rows.append(
                [f"{keras}: {goal.text}", f"<= {goal.limit:g}", f"{value:.3g}", met]
            )
    return rows


def _goal_values(results: Results, keras: str) -> dict[str, float]:
    models = [model for name, model in _cases(results) if name == keras]
    values: dict[str, float | None] = {}
    ours, bare = (
        _seconds(results, keras, "mlp", 300, name) for name in ("ours", "bare")
    )
    values["first call"] = _ratio(ours, bare)
    ratios = [_times_bare(results, keras, model, "ours") for model in models]
    values["step"] = max((statistics.median(r) for r in ratios if r), default=None)
    peaks = [_peaks(results, keras, model) for model in models]
    values["memory"] = max(p["ours"]["peak"] / p["fit"]["peak"] for p in peaks)
    values["traces"] = max(
        item["traces"]
        for item in results["timings"]
        if item["keras"] == keras and item["contestant"] == "ours"
    )
    values["host"] = max(
        item["host_share"]
        for item in results["steady"]
        if item["keras"] == keras and item["contestant"] == "ours"
    )
    growths = [_growth(results, keras, model) for model in models]
    values["growth"] = max((g for g in growths if g is not None), default=None)
    return {name: value for name, value in values.items() if value is not None}


def _growth(results: Results, keras: str, model: str) -> float | None:
    """Returns the cost of a step from 300 to 3,000, over that in short warm sweeps."""
    short = _seconds(results, keras, model, 300, "ours").values()
    long = _seconds(results, keras, model, 3000, "ours").values()
    if not long:
        return None
    late = (statistics.median(long) - statistics.median(short)) / 2700
    return late / statistics.median(_steady(results, keras, model, "ours"))
