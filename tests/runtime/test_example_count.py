import pytest

from tests.runtime.sampled_data import data, numbered
from tfx_lr_finder.runtime.examples import example_count


@pytest.mark.parametrize("file_format", ["tfrecords_gzip", "FORMAT_TFRECORDS_GZIP"])
def test_records_are_counted_under_both_names_of_the_gzip_format(file_format, tmp_path):
    examples = data(tmp_path, [numbered(30), numbered(12)])
    examples.set_string_custom_property("file_format", file_format)
    properties = {"train_args": "{}", "eval_args": "{}"}
    counted = example_count.count_train_examples({"examples": [examples]}, properties)
    assert counted == 42
