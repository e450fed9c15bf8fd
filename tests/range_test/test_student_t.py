import numpy as np
import pytest
from scipy import stats

from tfx_lr_finder.range_test.student_t import chance_of_exceeding, standard_errors


@pytest.mark.parametrize("degrees_of_freedom", [1, 2.5, 3, 7, 19, 63.4, 255, 1e5])
def test_the_chance_is_that_of_scipy(degrees_of_freedom):
    for t in (-8.0, -1.0, 0.0, 0.1, 1.0, 3.0, 4.1, 6.0, 40.0, 1e4):
        expected = stats.t.sf(t, degrees_of_freedom)
        found = chance_of_exceeding(t, degrees_of_freedom)
        assert found == pytest.approx(expected, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("degrees_of_freedom", [0.0, -1.0])
def test_without_a_degree_of_freedom_anything_can_be_chance(degrees_of_freedom):
    assert chance_of_exceeding(1e9, degrees_of_freedom) == 1.0


def test_the_statistic_is_that_of_scipy():
    sample = np.random.default_rng(0).normal(0.3, 1.0, 50)
    expected = stats.ttest_1samp(sample, 0.0).statistic
    assert standard_errors(sample, 1.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    "differences", [[], [1.0], [0.1, 0.1, 0.1], [1.0, np.nan], [np.inf, 1.0]]
)
def test_what_is_no_sample_has_no_standard_error(differences):
    assert standard_errors(np.array(differences), 1.0) == 0.0


def test_rounding_errors_are_no_sample():
    losses = np.float64(np.float32(1000.0 + np.linspace(0.0, 1e-3, 50)))
    assert standard_errors(losses - 999.0, 1000.0) == 0.0


@pytest.mark.parametrize("size", [8, 20, 256])
@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "laplace"])
def test_samples_around_zero_exceed_a_level_no_more_often_than_it_says(size, draw):
    rng = np.random.default_rng(size)
    samples = getattr(rng, draw)(size=(10_000, size))
    chances = [
        chance_of_exceeding(standard_errors(sample, 0.0), size - 1.0)
        for sample in samples
    ]
    limit = stats.binom.ppf(0.9999, len(chances), 1e-2)
    assert np.sum(np.array(chances) <= 1e-2) <= limit
