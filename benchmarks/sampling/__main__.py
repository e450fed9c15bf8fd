"""Time, memory and fairness of a sample, and the learning rate found on it.

python -m benchmarks.sampling --sizes 10000 100000 1000000 10000000
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

RESULTS = pathlib.Path(__file__).parents[1] / "results" / "sampling.md"
SAMPLE_SIZE = 5000
SEEDS = (0, 1, 2)
WAYS = {
    "sample": "sample, by Beam",
    "shuffle": "all through a tf.data shuffle",
}


def main():
    """Runs each measurement in its own process and writes the table."""
    options = _parse_arguments()
    if options.job:
        print("RESULT " + json.dumps(_JOBS[options.job](options.folder, options.size)))
        return
    lines = [
        "| examples | way | seconds | CPU seconds | peak memory, MiB | "
        "p over shards | p over places |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    with tempfile.TemporaryDirectory() as parent:
        for size in options.sizes:
            folder = os.path.join(parent, str(size))
            _run("make", folder, size)
            for way in WAYS:
                lines.append(_line(size, way, _run(way, folder, size)))
                print(lines[-1], flush=True)
        folder = os.path.join(parent, str(options.rates_on))
        if options.rates_on not in options.sizes:
            _run("make", folder, options.rates_on)
        rates = _run("rates", folder, options.rates_on)
    _write(options, lines, rates)


def _parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10**4, 10**5, 10**6])
    parser.add_argument("--rates-on", type=int, default=50_000)
    parser.add_argument("--job", choices=tuple(_JOBS))
    parser.add_argument("--folder")
    parser.add_argument("--size", type=int)
    return parser.parse_args()


def _run(job, folder, size):
    command = [sys.executable, "-m", "benchmarks.sampling", "--job", job]
    command += ["--folder", folder, "--size", str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    raise RuntimeError(f"{job} of {size} failed:\n{done.stderr[-3000:]}")


def _line(size, way, found):
    return (
        f"| {size:,} | {WAYS[way]} | {found['seconds']:.1f} | "
        f"{found['cpu_seconds']:.1f} | {found['memory']:.0f} | "
        f"{found['shards']:.3f} | {found['places']:.3f} |"
    )


def _make(folder, size):
    from benchmarks.sampling import data

    data.make(folder, size)
    return {}


def _draw(folder, seed=0, parent=None):
    import apache_beam as beam
    from tfx.types import artifact_utils, standard_artifacts

    from tfx_lr_finder import RangeTestConfig
    from tfx_lr_finder.runtime.sampling import draw as sampling
    from tfx_lr_finder.runtime.sampling.source import Source
    from tfx_lr_finder.settings.sample import SampleConfig

    artifact = standard_artifacts.Examples()
    artifact.uri = folder
    artifact.split_names = artifact_utils.encode_split_names(["train", "eval"])
    source = Source(
        input_dict={"examples": [artifact]},
        exec_properties={"train_args": "{}", "eval_args": "{}"},
        make_pipeline=lambda: beam.Pipeline(argv=["--runner=FnApiRunner"]),
        folder=parent or tempfile.mkdtemp(),
    )
    config = SampleConfig(sample_size=SAMPLE_SIZE)
    return sampling.draw(config, RangeTestConfig(seed=seed), source)


def _sample(folder, size):
    import tensorflow as tf

    import tfx_lr_finder.runtime.sampling.draw  # noqa: F401 - import before timing

    with tempfile.TemporaryDirectory() as parent:
        with _Cost() as cost:
            drawn = _draw(folder, parent=parent)
        files = tf.io.gfile.glob(drawn.train_files)
        records = list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator())
    return {**cost.figures, **_fairness(records, size)}


def _shuffle(folder, size):
    import tensorflow as tf

    files = tf.io.gfile.glob(f"{folder}/Split-train/*")
    with _Cost() as cost:
        dataset = tf.data.TFRecordDataset(files, "GZIP").shuffle(size, seed=0)
        records = list(dataset.take(SAMPLE_SIZE).as_numpy_iterator())
    return {**cost.figures, **_fairness(records, size)}


class _Cost:
    """The cost of a block: seconds, CPU seconds, and the rise of the peak in MiB."""

    def __enter__(self):
        self._before = self._now()
        return self

    def __exit__(self, *error):
        names = ("seconds", "cpu_seconds", "memory")
        pairs = zip(names, self._now(), self._before, strict=True)
        self.figures = {name: now - before for name, now, before in pairs}

    def _now(self):
        most_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return time.monotonic(), time.process_time(), most_memory


def _fairness(records, size):
    """Returns the chi-square p over shards, and over tenths of the place in a shard."""
    import numpy as np
    from scipy import stats

    from benchmarks.sampling import data

    numbers = data.parse(records)["number"].numpy()
    per_shard = size // data.NUM_SHARDS
    shards = np.bincount(numbers // per_shard, minlength=data.NUM_SHARDS)
    places = np.bincount(numbers % per_shard * 10 // per_shard, minlength=10)
    return {
        "shards": float(stats.chisquare(shards).pvalue),
        "places": float(stats.chisquare(places).pvalue),
    }


def _rates(folder, size):
    """Returns the rates on the sample, on shuffled data and on the first examples."""
    import tensorflow as tf

    files = sorted(tf.io.gfile.glob(f"{folder}/Split-train/*"))
    held_out = tf.io.gfile.glob(f"{folder}/Split-eval/*")
    evaluation = _batches(held_out, 2048, 0)
    found = {"sample": [], "shuffled": [], "head": []}
    for seed in SEEDS:
        drawn = _draw(folder, seed)
        sample = tf.io.gfile.glob(drawn.train_files)
        ways = {
            "sample": _batches(sample, SAMPLE_SIZE, seed),
            "shuffled": _batches(files, size, seed),
            "head": _batches(files[:1], 1, seed, SAMPLE_SIZE),
        }
        for name, batches in ways.items():
            found[name].append(_find(batches, evaluation, seed))
    return found


def _batches(files, buffer, seed, most=-1):
    import tensorflow as tf

    from benchmarks.sampling import data

    dataset = tf.data.TFRecordDataset(files, "GZIP").take(most)
    dataset = dataset.shuffle(buffer, seed=seed, reshuffle_each_iteration=False)

    def split(records):
        parsed = data.parse(records)
        return parsed["x"], parsed["label"]

    return dataset.batch(32).map(split)


def _find(train, evaluation, seed):
    import keras

    from benchmarks.sampling import data
    from tfx_lr_finder import find_learning_rate

    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input([data.NUM_FEATURES]),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(data.NUM_CLASSES),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.01), loss)
    report = find_learning_rate(model, train, evaluation, seed=seed)
    return [report.learning_rate, report.verdict.name]


def _write(options, lines, rates):
    names = {
        "sample": f"the sample of {SAMPLE_SIZE:,}",
        "shuffled": "all of the data, well shuffled",
        "head": f"the first {SAMPLE_SIZE:,} of the first shard",
    }
    table = ["| data | " + " | ".join(f"seed {seed}" for seed in SEEDS) + " |"]
    table.append("| --- |" + " --- |" * len(SEEDS))
    for key, name in names.items():
        cells = [
            f"{rate:.2g} ({verdict})" if rate is not None else verdict
            for rate, verdict in rates[key]
        ]
        table.append(f"| {name} | " + " | ".join(cells) + " |")
    sizes = " ".join(map(str, options.sizes))
    RESULTS.write_text(
        f"""# What a sample costs, and how fair it is

    python -m benchmarks.sampling --sizes {sizes} --rates-on {options.rates_on}

A sample of {SAMPLE_SIZE:,} examples from 8 compressed shards that are sorted by class.
One process draws it on a shared machine with two cores: seconds vary with the load, CPU
seconds (of all threads) vary less. Memory is the rise of the peak after the imports.
p is the p-value of a chi-square test that the sample is uniform.

{os.linesep.join(lines)}

The learning rate found for a small classifier on {options.rates_on:,} such examples:

{os.linesep.join(table)}
""",
        encoding="utf-8",
    )
    print(RESULTS.read_text())


_JOBS = {
    "make": _make,
    "sample": _sample,
    "shuffle": _shuffle,
    "rates": _rates,
}

if __name__ == "__main__":
    main()
