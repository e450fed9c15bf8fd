"""Where the pods of a run go: nodes, tolerations, spot, volumes.

Open-source Kubeflow Pipelines takes this as a second YAML document beside the pipeline;
its fields are those of KFP's `kubernetes_executor_config.proto`.
"""

import dataclasses
import json
import re

from remote import checks, compiling

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SPOT = {  # the label of such a node, and whether the cloud also taints it so
    "aks": ("kubernetes.azure.com/scalesetpriority", "spot", True),
    "gke": ("cloud.google.com/gke-spot", "true", True),
    "karpenter": ("karpenter.sh/capacity-type", "spot", False),
}
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-\w.]*[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-\w.]*[A-Za-z0-9])?)?")
_GPU = re.compile(r"(nvidia\.com|amd\.com)/[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
POD_LABELS = {"tfx-lr-finder/pipeline": "true"}
"""The network policy selects the pods of this pipeline by it."""
_REMOTE = ("gs://",)  # what TFX itself reads and writes besides folders


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """Nodes for the pods that train, and volumes for all.

    Attributes:
      node_selector: Label to value.
      tolerations: As in a pod's specification.
      volumes: Mount path to the name of a PersistentVolumeClaim; mounted where a node
        reads or writes there.
    """

    node_selector: dict
    tolerations: tuple
    volumes: dict

    @classmethod
    def from_options(cls, options):
        """The placement that the flags ask for.

        Raises:
          ValueError: If a selector, a toleration or a volume is none.
        """
        selector = dict(_selector(text) for text in options.node_selector)
        tolerations = [_toleration(text) for text in options.toleration]
        if options.spot:
            label, value, is_tainted = SPOT[options.spot]
            selector[label] = value
            if is_tainted:
                tolerations.append(_toleration(f"{label}={value}:NoSchedule"))
        if options.accelerator:
            tolerations.append(_toleration(f"{options.accelerator}:NoSchedule"))
        return cls(
            node_selector=selector,
            tolerations=tuple(tolerations),
            volumes=dict(_volume(text) for text in options.volume),
        )


def _selector(text):
    key, separator, value = text.partition("=")
    if not separator or not _KEY.fullmatch(key) or not _VALUE.fullmatch(value):
        raise ValueError(
            "--node-selector must be KEY=VALUE, such as "
            f"cloud.google.com/gke-accelerator=nvidia-tesla-t4, got {text!r}."
        )
    return key, value


def _toleration(text):
    taint, _, effect = text.rpartition(":")
    key, separator, value = taint.partition("=")
    well_formed = _KEY.fullmatch(key) and _VALUE.fullmatch(value)
    if effect not in EFFECTS or not well_formed:
        raise ValueError(
            "--toleration must be KEY[=VALUE]:EFFECT with an effect of "
            f"{', '.join(EFFECTS)}, such as nvidia.com/gpu:NoSchedule, got {text!r}."
        )
    if separator:
        return {"key": key, "operator": "Equal", "value": value, "effect": effect}
    return {"key": key, "operator": "Exists", "effect": effect}


def _volume(text):
    claim, separator, path = text.partition(":")
    if not separator or not path.startswith("/") or path == "/":
        raise ValueError(
            "--volume must be CLAIM:PATH, the name of a PersistentVolumeClaim and an "
            f"absolute path, such as taxi-data:/data; got {text!r}."
        )
    checks.kubernetes_name("--volume", claim)
    return path, claim


def check_accelerator(accelerator):
    """Refuses what no device plugin offers; the kind of card is a node label."""
    if accelerator and not _GPU.fullmatch(accelerator):
        raise ValueError(
            "--accelerator must be the resource that the device plugin offers, such as "
            f"nvidia.com/gpu, got {accelerator!r}. The kind of card is a label of the "
            "node: --node-selector cloud.google.com/gke-accelerator=nvidia-tesla-t4."
        )


def check_reachable(flag, value, placement):
    """Refuses a place that TFX in a pod cannot read or write.

    Args:
      flag: The flag's name.
      value: A bucket or an absolute path; None passes.
      placement: Says which volumes are mounted.

    Raises:
      ValueError: If it is neither in Google Cloud Storage nor on a mounted volume.
    """
    if value is None or value.startswith(_REMOTE):
        return
    on_volume = any(
        value == path or value.startswith(path.rstrip("/") + "/")
        for path in placement.volumes
    )
    if not on_volume:
        raise ValueError(
            f"{flag} must be gs://BUCKET/FOLDER or a path on a mounted volume "
            f"(--volume CLAIM:PATH), got {value!r}: TFX reads and writes no other kind "
            "of bucket, and a pod has no files of its own to keep."
        )


def check_last_good(value):
    """Refuses a place that either the launcher or TFX cannot reach."""
    if value is not None:
        reason = (
            "Kubeflow's launcher imports from buckets only, and TFX writes to no other "
            "kind. Without one, --default-learning-rate alone is the fallback."
        )
        checks.root("--last-good", value, ("gs",), reason)


def always_look_for_spans(spec):
    """Has nodes that read files run every time.

    Vertex first runs their driver, whose fingerprint of the files is part of the cache
    key. Open-source KFP does not: its cache would give the first run's span for ever.

    Args:
      spec: The compiled pipeline, changed in place.
    """
    for task in spec["root"]["dag"]["tasks"].values():
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        executor = spec["deploymentSpec"]["executors"][label]
        if "lifecycle" in executor.get("container", {}):
            task["cachingOptions"] = {}


def platform_documents(spec, settings, placement):
    """The second YAML document, in a list; an empty list if there is nothing to say.

    Args:
      spec: The compiled pipeline.
      settings: A checked `Settings`.
      placement: Where the pods go.
    """
    executors = {}
    for task in spec["root"]["dag"]["tasks"].values():
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        mounts = _mounts(task, placement)
        executors[label] = {"podMetadata": {"labels": dict(POD_LABELS)}}
        if mounts:
            executors[label]["pvcMount"] = mounts
    for node in compiling.training_nodes(settings):
        executor = executors[f"{node}_executor"]
        if placement.node_selector:
            executor["nodeSelector"] = {"labels": dict(placement.node_selector)}
        if placement.tolerations:
            executor["tolerations"] = [dict(item) for item in placement.tolerations]
    executors = {label: executor for label, executor in executors.items() if executor}
    if not executors:
        return []
    return [{"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}]


def _mounts(task, placement):
    """The volumes that a task's parameters name a place on."""
    parameters = json.dumps(task.get("inputs", {}).get("parameters", {}))
    return [
        {"constant": claim, "mountPath": path}
        for path, claim in placement.volumes.items()
        if path in parameters
    ]
