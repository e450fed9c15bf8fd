"""A search on a sample of the examples."""

import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from tests.executor.user_modules import write_module
from tfx_lr_finder import read_result
from tfx_lr_finder.executor import Executor

SAMPLED = """
    def lr_finder_fn(fn_args):
        (folder,) = {{p.rpartition("/")[0] for p in fn_args.train_files}}
        assert "sample/train/Split-train" in folder
        files = tf.io.gfile.glob(fn_args.train_files)
        assert len(list(tf.data.TFRecordDataset(files, "GZIP"))) == {number}
        return LRFinderFnResult(compiled(), data)
    """


def test_the_hook_reads_the_sample_which_is_reported_and_removed(
    run_finder, penguin_examples, tmp_path
):
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(tmp_path, SAMPLED.format(number=90)),
        sample_size=90,
        stratify_by="species",
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["train_sample_size"] == 90
    assert environment["train_sample_of"] == 234
    assert environment["train_sample_fraction"] == 90 / 234
    assert environment["sample_seed"] == 0
    labels = environment["train_sample_labels"].split(", ")
    assert sum(int(part.split()[-1]) for part in labels) == 234
    assert environment["eval_sample_of"] == 100
    assert not list(run_finder.root.rglob("*tfrecord*"))


@pytest.mark.parametrize(
    ("named", "runner"),
    [
        ((), "FnApiRunner"),
        (("--direct_num_workers=2",), "FnApiRunner"),
        (("--runner=DataflowRunner",), "DataflowRunner"),
    ],
)
def test_the_default_beam_runner_is_one_that_needs_no_download(
    named, runner, monkeypatch
):
    made = []
    monkeypatch.setattr(
        "apache_beam.Pipeline", lambda argv: made.append(PipelineOptions(argv))
    )
    executor = Executor(Executor.Context(beam_pipeline_args=list(named)))
    for _ in range(2):
        executor._make_beam_pipeline()
    assert [o.view_as(StandardOptions).runner for o in made] == [runner] * 2


def test_the_sample_is_removed_when_the_search_fails(
    run_finder, penguin_examples, tmp_path
):
    body = """
        def lr_finder_fn(fn_args):
            files = tf.io.gfile.glob(fn_args.train_files)
            raise RuntimeError(f"read {len(files)} files")
        """
    with pytest.raises(RuntimeError, match=r"read [1-9]\d* files"):
        run_finder(
            {"examples": penguin_examples},
            module_file=write_module(tmp_path, body),
            sample_size=90,
        )
    assert not list(run_finder.root.rglob("*tfrecord*"))


def test_sample_size_auto_draws_a_second_sample_for_larger_batches(
    run_finder, penguin_examples, tmp_path
):
    body = """
        def lr_finder_fn(fn_args):
            rows = (tf.zeros([900, 2]), tf.zeros([900, 1]))
            large = tf.data.Dataset.from_tensor_slices(rows).batch(300)
            return LRFinderFnResult(compiled(), large)
        """
    outputs = run_finder(
        {"examples": penguin_examples},
        module_file=write_module(tmp_path, body),
        sample_size="auto",
        on_inconclusive="fallback",
        default_learning_rate=0.1,
    )
    environment = read_result(outputs["lr_finder_result"]).environment
    assert environment["train_sample_note"] == (
        "the sample holds all 234 examples; 12000 were requested"
    )
