"""Results of previous runs."""

import pytest

from tfx_lr_finder import artifact


@pytest.fixture
def write_results(make_result):
    """Writes reports as results of previous runs, each newer than the one before."""

    def write(*reports):
        results = []
        for number, report in enumerate(reports, start=1):
            result = make_result(f"result_{number}")
            result.id = number
            result.mlmd_artifact.create_time_since_epoch = 1_700_000_000_000 + number
            artifact.write_result(result, report)
            results.append(result)
        return results

    return write
