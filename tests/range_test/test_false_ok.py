import pytest

from benchmarks.verdict.rates import verdicts


@pytest.mark.parametrize(
    ("num_rows", "unit"), [(1, "row"), (20, "row"), (512, "row"), (64, "batch")]
)
def test_labels_that_are_noise_are_never_ok(num_rows, unit):
    assert verdicts(num_rows, unit, 20)["OK"] == 0


@pytest.mark.parametrize(("num_rows", "unit"), [(1, "row"), (64, "batch")])
def test_labels_that_are_noise_give_no_rate_if_there_are_few_rows(num_rows, unit):
    assert verdicts(num_rows, unit, 10)["INCONCLUSIVE"] == 10
