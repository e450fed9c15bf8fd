"""What a sample's manifest says: whether it can be used, and what to report of it."""

from typing import Any

from absl import logging

from tfx_lr_finder.runtime.loop.environment import Facts
from tfx_lr_finder.runtime.sampling.labels import MISSING
from tfx_lr_finder.runtime.sampling.pipeline import MAX_LABELS
from tfx_lr_finder.settings.sample import SampleConfig

_MAX_NAMED = 5
_MAX_LABELS_SHOWN = 20


def check(manifest: dict[str, Any], config: SampleConfig, splits: list[str]) -> None:
    """Refuses a sample that cannot be used.

    Args:
      manifest: What was found.
      config: What was asked for.
      splits: Names of the splits, for the errors.

    Raises:
      ValueError: More is corrupt than may be, there is no example, or the label does
        not exist or has too many values.
    """
    where = f"the split {', '.join(splits)}"
    share = corrupt_share(manifest)
    if share > config.max_corrupt_share:
        problems = manifest["problems"]
        named = "; ".join(f"{path}: {text}" for path, text in problems[:_MAX_NAMED])
        raise ValueError(
            f"{len(problems)} of {manifest['num_files']} files of {where} cannot be "
            f"read whole, {share:.3g} of what they hold, and max_corrupt_share is "
            f"{config.max_corrupt_share:g}. {named}. Write them again, or set "
            "max_corrupt_share to the share that may be skipped."
        )
    if not sum(manifest["num_by_split"].values()):
        raise ValueError(
            f"There is no example in {where}. Check the ExampleGen's split "
            "configuration, or name another split."
        )
    labels = manifest["num_by_label"]
    if set(labels) == {MISSING}:
        raise ValueError(
            f"stratify_by={config.stratify_by!r} is no feature of the examples of "
            f"{where}. They have {', '.join(manifest['features'])}."
        )
    if len(labels) > MAX_LABELS:
        raise ValueError(
            f"stratify_by={config.stratify_by!r} has more than {MAX_LABELS} values in "
            f"{where}: that is no label of classes. Leave stratify_by out, or name a "
            "feature with fewer values."
        )


def corrupt_share(manifest: dict[str, Any]) -> float:
    """Returns the share of the data that could not be read, in [0, 2].

    Corrupt records count by their number, the rest of a file whose rest is lost by
    its bytes.
    """
    records = manifest["num_corrupt"] / max(1, manifest["num_records"])
    return float(records + manifest["lost_bytes"] / max(1, manifest["num_bytes"]))


def facts(
    manifests: dict[str, dict[str, Any]],
    splits: dict[str, list[str]],
    sizes: dict[str, int],
    config: SampleConfig,
    seed: int,
) -> Facts:
    """Returns what the report says of the sample.

    Args:
      manifests: Purpose ("train", "eval") to what was found.
      splits: Purpose to the names of its splits.
      sizes: Purpose to the number of examples that was wanted.
      config: What was asked for.
      seed: The sample's seed.
    """
    told: Facts = {"sample_seed": seed, "sample_by": config.sample_by}
    if config.stratify_by:
        told["sample_stratified_by"] = config.stratify_by
    for purpose, found in manifests.items():
        name = f"{purpose}_sample"
        total, size = sum(found["num_by_split"].values()), found["sample_size"]
        told[f"{name}_size"] = size
        told[f"{name}_of"] = total
        told[f"{name}_fraction"] = size / total
        told[f"{name}_splits"] = _counts(
            {
                split: found["sample_by_split"].get(str(number), 0)
                for number, split in enumerate(splits[purpose])
            },
            {
                split: found["num_by_split"].get(str(number), 0)
                for number, split in enumerate(splits[purpose])
            },
        )
        if config.stratify_by:
            told[f"{name}_labels"] = _counts(
                found["sample_by_label"], found["num_by_label"]
            )
        told[f"{name}_shuffled_bytes"] = found["shuffled_bytes"]
        told[f"{name}_checksum"] = found["checksum"]
        if found["problems"]:
            told[f"{name}_corrupt_share"] = corrupt_share(found)
        note = _note(found, size, total, sizes[purpose])
        if note:
            told[f"{name}_note"] = note
    _log(told)
    return told


def _note(found: dict[str, Any], size: int, total: int, wanted: int) -> str:
    """Returns what a person should know of a sample, or ""."""
    notes = []
    if size < wanted:
        notes.append(f"all {total} examples are taken, {wanted} were wanted")
    elif not found["all_distinct"] and 2 * found["num_distinct"] < size:
        notes.append(
            f"only {found['num_distinct']} distinct records: copies of a record are "
            "chosen together; sample_by='position' chooses each on its own"
        )
    for path, text in found["problems"][:_MAX_NAMED]:
        notes.append(f"skipped in {path}: {text}")
    return "; ".join(notes)


def _counts(sample: dict[str, int], all_of_it: dict[str, int]) -> str:
    """Returns counts as one line, the most frequent first."""
    names = sorted(all_of_it, key=lambda name: (-all_of_it[name], name))
    parts = [
        f"{name}: {sample.get(name, 0)} of {all_of_it[name]}"
        for name in names[:_MAX_LABELS_SHOWN]
    ]
    if len(names) > _MAX_LABELS_SHOWN:
        parts.append(f"and {len(names) - _MAX_LABELS_SHOWN} more")
    return ", ".join(parts)


def _log(told: Facts) -> None:
    lines = [f"{name}={value}" for name, value in told.items()]
    logging.info("LRFinder: the sample: %s", "; ".join(lines))
    for name, value in told.items():
        if name.endswith("_note"):
            logging.warning("LRFinder: %s: %s", name, value)
