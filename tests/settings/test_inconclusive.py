"""The error of a search that found no rate."""

import pytest

from tfx_lr_finder import RangeTestConfig
from tfx_lr_finder.range_test.too_few_steps import untested_report
from tfx_lr_finder.settings.inconclusive import InconclusiveError, InconclusivePolicy


def test_with_too_few_steps_the_advice_is_not_to_test_more():
    report = untested_report(RangeTestConfig(train_steps=30))
    with pytest.raises(InconclusiveError) as error:
        InconclusivePolicy().apply(report)
    assert "The Trainer takes only 30 steps" in str(error.value)
    assert "lower num_sweeps or num_rates" in str(error.value)
    assert "which_fit names the one to test" in str(error.value)
    assert "raise num_rates" not in str(error.value)
