"""What the report says about a sample."""

from typing import Any

from absl import logging

from tfx_lr_finder.runtime.loop.environment import Facts
from tfx_lr_finder.settings.sample import SampleConfig

_MAX_LABELS_SHOWN = 20


def sample_facts(
    manifests: dict[str, dict[str, Any]],
    splits: dict[str, list[str]],
    sizes: dict[str, int],
    config: SampleConfig,
    seed: int,
) -> Facts:
    """Returns and logs the facts of a sample for the report.

    Args:
      manifests: Sample name ("train", "eval") to its parsed manifest.
      splits: Sample name to the names of its splits.
      sizes: Sample name to the requested number of examples.
      config: The configuration of the sample.
      seed: The seed of the sample.
    """
    facts: Facts = {"sample_seed": seed}
    if config.stratify_by:
        facts["sample_stratified_by"] = config.stratify_by
    for sample, found in manifests.items():
        name = f"{sample}_sample"
        total, size = sum(found["num_by_split"].values()), found["sample_size"]
        facts[f"{name}_size"] = size
        facts[f"{name}_of"] = total
        facts[f"{name}_fraction"] = size / total
        drawn, available = (
            {
                split: found[counts].get(str(number), 0)
                for number, split in enumerate(splits[sample])
            }
            for counts in ("sample_by_split", "num_by_split")
        )
        facts[f"{name}_splits"] = _counts(drawn, available)
        if config.stratify_by:
            facts[f"{name}_labels"] = _counts(
                found["sample_by_label"], found["num_by_label"]
            )
        facts[f"{name}_checksum"] = found["checksum"]
        if size < sizes[sample]:
            facts[f"{name}_note"] = (
                f"the sample holds all {total} examples; {sizes[sample]} were requested"
            )
            logging.warning("LRFinder: %s_note: %s", name, facts[f"{name}_note"])
    lines = [f"{name}={value}" for name, value in facts.items()]
    logging.info("LRFinder: the sample: %s", "; ".join(lines))
    return facts


def _counts(sample: dict[str, int], available: dict[str, int]) -> str:
    """Returns counts as one line, the most frequent first."""
    names = sorted(available, key=lambda name: (-available[name], name))
    parts = [
        f"{name}: {sample.get(name, 0)} of {available[name]}"
        for name in names[:_MAX_LABELS_SHOWN]
    ]
    if len(names) > _MAX_LABELS_SHOWN:
        parts.append(f"and {len(names) - _MAX_LABELS_SHOWN} more")
    return ", ".join(parts)
