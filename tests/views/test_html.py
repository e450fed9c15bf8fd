import dataclasses
import hashlib
import html.parser
import json
import math
import pathlib
import re
from importlib import resources

import numpy as np
import pytest

from tfx_lr_finder import version
from tfx_lr_finder.range_test.config import RangeTestConfig
from tfx_lr_finder.range_test.report import PreviousRate
from tfx_lr_finder.range_test.rules import RULES
from tfx_lr_finder.range_test.sweep import StopReason, Sweep
from tfx_lr_finder.range_test.too_few_steps import untested_report
from tfx_lr_finder.range_test.verdict import Verdict
from tfx_lr_finder.views import plot
from tfx_lr_finder.views.html import page

ATTACK = "</script><script>alert('x')</script>\"'><img src=http://x.test onerror=y>"
MANY_SWEEPS = 8


class _Page(html.parser.HTMLParser):
    """The parsed page: tags with their attributes, tables, visible text."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.scripts = []
        self.tables = {}
        self.text = ""
        self._open = []
        self._cells = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self._open.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag == "caption":
            self._cells = self.tables.setdefault("", [])
        if tag == "tr" and self._cells is not None:
            self._cells.append([])
        if tag in ("td", "th"):
            self._cells[-1].append("")

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass
        if tag == "table":
            self._cells = None

    def handle_data(self, data):
        inside = self._open[-1] if self._open else ""
        if inside == "script":
            self.scripts[-1] += data
        elif inside != "style":
            self.text += data
        if inside == "caption":
            self._cells = self.tables[data] = self.tables.pop("")
        if inside in ("td", "th"):
            self._cells[-1][-1] += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def data(self):
        (text,) = [s for s in self.scripts if s.startswith('{"rate"')]
        return json.loads(text)


def _render(report, **options):
    return _Page(page.render(report, **options))


def test_the_verdict_and_its_reasons_come_before_the_chart(make_report):
    report = make_report(verdict=Verdict.LOW_CONFIDENCE, reasons=("Too noisy.",))
    text = page.render(report)
    body = text[text.index("<body>") :]
    places = [
        body.index(said)
        for said in ("LOW_CONFIDENCE", "Learning rate 0.03", "Too noisy.", "<figure>")
    ]
    assert places == sorted(places)


def test_the_charts_show_the_numbers_of_the_report(make_report):
    report = make_report()
    data = _render(report).data()
    assert data["rate"] == report.learning_rate
    assert data["range"] == list(report.learning_rate_range)
    for drawn, sweep in zip(data["sweeps"], report.sweeps, strict=True):
        assert drawn["rates"] == pytest.approx(sweep.learning_rates, rel=1e-6)
        assert drawn["losses"] == pytest.approx(sweep.losses, rel=1e-6)
        assert drawn["smoothed"] == pytest.approx(sweep.smoothed_losses, rel=1e-6)
    losses = [item["loss"] for item in data["trainings"] if item["kind"] == "candidate"]
    assert losses == [item.eval_loss for item in report.candidates]


def test_a_table_has_the_loss_at_every_rate(make_report):
    report = make_report()
    heads, *rows = _render(report).tables["Loss at each rate"]
    assert len(rows) == max(len(s.learning_rates) for s in report.sweeps)
    assert len(heads) == 1 + 2 * len(report.sweeps)
    assert rows[5][1] == f"{report.sweeps[0].losses[5]:.4g}"


def test_every_rule_training_and_parameter_has_a_row(make_report):
    report = make_report()
    tables = _render(report).tables
    rules = [row[0] for row in tables["Learning rate by each rule"][1:]]
    assert [name.removesuffix(" (chosen)") for name in rules] == list(RULES)
    trained = tables["Short trainings from the same weights"][1:]
    assert len(trained) == len(report.probes) + len(report.candidates) + 1
    parameters = dict(tables["Configuration"][1:])
    assert parameters["num_sweeps"] == "3"
    assert parameters["train_steps"] == "not set"


def test_the_page_has_the_rate_in_full_precision(make_report):
    page_ = _render(make_report(learning_rate=0.1 + 0.2))
    assert ["learning rate", "0.30000000000000004"] in page_.tables["Summary"]


def test_text_from_the_pipeline_is_escaped(make_report):
    report = make_report(
        reasons=(ATTACK,),
        verdict=Verdict.LOW_CONFIDENCE,
        environment={ATTACK: ATTACK},
        source=ATTACK,
        seconds={ATTACK: 1.0},
        steps_by_phase={ATTACK: 1},
        previous=(
            PreviousRate(
                learning_rate=1.0, verdict=Verdict.OK, when=ATTACK, name=ATTACK
            ),
        ),
    )
    found = _render(report, labels={ATTACK: ATTACK})
    harmless = _render(make_report())
    assert len(found.scripts) == len(harmless.scripts)
    assert not [a for a in found.of("img") if "onerror" in a]
    assert found.text.count(ATTACK) >= 7
    assert found.data()["runs"][0]["when"] == ATTACK


def test_the_page_makes_no_request(make_report):
    found = _render(make_report(), picture=plot.png_bytes(make_report()))
    for _, attributes in found.tags:
        for name in ("src", "href", "action", "srcset", "xlink:href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    policy = found.of("meta")[1]["content"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_the_policy_lists_the_hash_of_every_script(make_report):
    found = _render(make_report())
    hashes = re.findall(r"sha256-([\w+/=]+)", found.of("meta")[1]["content"])
    import base64

    run = [s for s in found.scripts if not s.startswith('{"rate"')]
    assert len(run) == 3
    assert hashes == [
        base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in run
    ]


@pytest.mark.parametrize(("num_sweeps", "times"), [(MANY_SWEEPS, 1), (3, 120)])
def test_the_page_is_smaller_than_a_megabyte(num_sweeps, times, make_report):
    (sweep, *_) = make_report().sweeps
    long = dataclasses.replace(
        sweep,
        learning_rates=tuple(np.geomspace(1e-7, 10, times * len(sweep.losses))),
        losses=sweep.losses * times,
        smoothed_losses=sweep.smoothed_losses * times,
    )
    report = make_report(sweeps=(long,) * num_sweeps)
    found = _render(report, picture=plot.png_bytes(report))
    size = len(page.render(report, picture=plot.png_bytes(report)).encode())
    assert size < 1_000_000
    assert found.data()["sweeps"][0]["points"][-1] == len(long.losses)


def test_the_page_says_how_it_shortens_very_long_sweeps(make_report):
    (sweep, *_) = make_report().sweeps
    long = dataclasses.replace(
        sweep,
        learning_rates=tuple(np.geomspace(1e-7, 10, 9000)),
        losses=(1.0,) * 9000,
        smoothed_losses=(1.0,) * 9000,
    )
    tables = _render(make_report(sweeps=(long,))).tables
    assert len(tables["Loss at one rate in 3"]) == 1 + 3000 + 1


def test_the_page_of_an_inconclusive_test_says_that_there_is_no_rate(make_inconclusive):
    found = _render(make_inconclusive())
    assert "No learning rate found" in found.text
    assert found.data()["rate"] is None


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_report_without_a_finite_loss_has_a_page(make_inconclusive, loss):
    sweep = Sweep(
        learning_rates=(1e-7,),
        losses=(loss,),
        smoothed_losses=(),
        stop_reason=StopReason.NON_FINITE,
        num_steps=1,
    )
    report = make_inconclusive(sweeps=(sweep,), probes=(), untrained_loss=None)
    found = _render(report)
    assert found.data()["sweepLimits"] is None
    assert found.data()["sweeps"][0]["losses"] == [None]
    assert found.tables["Loss at each rate"][1][1] == "not finite"


def test_a_test_without_any_step_has_a_page_with_the_reason():
    report = untested_report(RangeTestConfig(train_steps=50))
    assert "The Trainer takes only 50 steps" in page.render(report)


def test_previous_results_have_a_chart_and_a_table_with_the_newest_first(make_report):
    previous = tuple(
        PreviousRate(
            learning_rate=rate,
            verdict=Verdict.OK,
            when=f"2026-01-0{day}",
            name=f"{day}",
        )
        for day, rate in enumerate((0.3, 0.003), start=1)
    )
    found = _render(make_report(previous=previous))
    assert [run["rate"] for run in found.data()["runs"]] == [0.3, 0.003, 0.03]
    rows = found.tables["Previous results"][1:]
    assert [row[0] for row in rows] == ["2026-01-02", "2026-01-01"]
    assert [row[3] for row in rows] == ["+1.00 decades", "-1.00 decades"]
    assert "Previous results" not in _render(make_report()).tables


def test_the_scripts_have_the_checksums_of_the_notice():
    vendor = resources.files("tfx_lr_finder.views.html") / "vendor"
    notice = (vendor / "README.md").read_text()
    for name in page.SCRIPTS[:2]:
        content = (vendor / pathlib.Path(name).name).read_bytes()
        assert hashlib.sha256(content).hexdigest() in notice


def test_the_page_names_the_version_that_wrote_it(make_report):
    assert (
        f"Written by tfx-lr-finder {version.__version__}" in _render(make_report()).text
    )
