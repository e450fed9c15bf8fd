"""The nodes, tolerations and volumes of the pods of a run.

Open-source Kubeflow Pipelines reads them from a second YAML document after the
pipeline. Its fields are those of KFP's `kubernetes_executor_config.proto`.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from remote import checks

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SPOT = {  # label and value of a spot node, and whether the cloud also taints it so
    "aks": ("kubernetes.azure.com/scalesetpriority", "spot", True),
    "gke": ("cloud.google.com/gke-spot", "true", True),
    "karpenter": ("karpenter.sh/capacity-type", "spot", False),
}
# What the device plugins of NVIDIA and AMD offer.
_GPU = re.compile(r"nvidia\.com/(gpu(\.shared)?|mig-[\w.-]+)|amd\.com/gpu")
POD_LABELS = {"tfx-lr-finder/pipeline": "true"}  # the network policy selects these pods
_BUCKET = "gs://"  # the only kind of bucket that TFX itself reads and writes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """Nodes for the pods that train, and volumes for all pods.

    Attributes:
      node_selector: Label to value.
      tolerations: As in the specification of a pod.
      volumes: Mount path to the name of a PersistentVolumeClaim. It is mounted in the
        pods that read or write there.
    """

    node_selector: Mapping[str, str]
    tolerations: Sequence[Mapping[str, str]]
    volumes: Mapping[str, str]

    @classmethod
    def from_options(
        cls,
        *,
        node_selector: Sequence[str],
        toleration: Sequence[str],
        spot: str | None,
        accelerator: str | None,
        volume: Sequence[str],
    ) -> "Placement":
        """The placement that the options of `run_kubeflow.py` describe.

        Args:
          node_selector: Texts KEY=VALUE.
          toleration: Texts KEY[=VALUE]:EFFECT.
          spot: A key of `SPOT`, or None.
          accelerator: The GPU resource, whose usual taint is tolerated, or None.
          volume: Texts CLAIM:PATH.

        Raises:
          ValueError: If a text has another form.
        """
        selector = dict(_selector(text) for text in node_selector)
        tolerations = [_toleration(text) for text in toleration]
        if spot:
            label, value, is_tainted = SPOT[spot]
            selector[label] = value
            if is_tainted:
                tolerations.append(_toleration(f"{label}={value}:NoSchedule"))
        if accelerator:
            tolerations.append(_toleration(f"{accelerator}:NoSchedule"))
        return cls(
            node_selector=selector,
            tolerations=tuple(tolerations),
            volumes=dict(_volume(text) for text in volume),
        )


def _selector(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise ValueError(
            "--node-selector must be KEY=VALUE, such as "
            f"cloud.google.com/gke-accelerator=nvidia-tesla-t4, got {text!r}."
        )
    return key, value


def _toleration(text: str) -> dict[str, str]:
    taint, _, effect = text.rpartition(":")
    key, separator, value = taint.partition("=")
    if effect not in EFFECTS or not key:
        raise ValueError(
            "--toleration must be KEY[=VALUE]:EFFECT with an effect of "
            f"{', '.join(EFFECTS)}, such as nvidia.com/gpu:NoSchedule, got {text!r}."
        )
    if separator:
        return {"key": key, "operator": "Equal", "value": value, "effect": effect}
    return {"key": key, "operator": "Exists", "effect": effect}


def _volume(text: str) -> tuple[str, str]:
    claim, separator, path = text.partition(":")
    if not separator or not claim or not path.startswith("/") or path == "/":
        raise ValueError(
            "--volume must be CLAIM:PATH, the name of a PersistentVolumeClaim and an "
            f"absolute path, such as taxi-data:/data, got {text!r}."
        )
    return path, claim


def check_accelerator(accelerator: str | None) -> None:
    """Checks that a device plugin offers this resource; None passes.

    Raises:
      ValueError: If none does. A pod would wait for it forever.
    """
    if accelerator and not _GPU.fullmatch(accelerator):
        raise ValueError(
            "--accelerator must be a resource that a device plugin offers, such as "
            f"nvidia.com/gpu, nvidia.com/mig-1g.5gb or amd.com/gpu, got "
            f"{accelerator!r}. Choose the type of card by a label of the node: "
            "--node-selector cloud.google.com/gke-accelerator=nvidia-tesla-t4."
        )


def check_reachable(flag: str, value: str, placement: Placement) -> None:
    """Checks that TFX can read and write a place from a pod.

    Args:
      flag: The name of the option.
      value: A bucket or an absolute path.
      placement: Its volumes are mounted.

    Raises:
      ValueError: If it is neither in Google Cloud Storage nor on a mounted volume.
    """
    on_volume = any(
        value == path or value.startswith(path.rstrip("/") + "/")
        for path in placement.volumes
    )
    if not value.startswith(_BUCKET) and not on_volume:
        raise ValueError(
            f"{flag} must be gs://BUCKET/FOLDER or a path on a mounted volume "
            f"(--volume CLAIM:PATH), got {value!r}: TFX reads and writes no other type "
            "of bucket, and the files of a pod are lost at its end."
        )


def check_last_good(value: str | None) -> None:
    """Checks that both the launcher and TFX can reach a place; None passes."""
    if value is not None:
        reason = (
            "Kubeflow's launcher imports from buckets only, and TFX writes to those of "
            "Google Cloud Storage only. Without one, use --default-learning-rate alone."
        )
        checks.root("--last-good", value, ("gs",), reason)


def always_look_for_spans(spec: dict[str, Any]) -> None:
    """Makes the nodes that read files run every time.

    Vertex runs the driver of such a node first, and the fingerprint of the files is
    part of the cache key. Open-source KFP does not run it: its cache would return the
    span of the first run forever.

    Args:
      spec: The compiled pipeline. It is changed in place.
    """
    for task in spec["root"]["dag"]["tasks"].values():
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        executor = spec["deploymentSpec"]["executors"][label]
        if "lifecycle" in executor.get("container", {}):
            task["cachingOptions"] = {}


def platform_document(
    spec: dict[str, Any], gpu_nodes: Sequence[str], placement: Placement
) -> dict[str, Any]:
    """The second YAML document, which places the pods and labels them.

    Args:
      spec: The compiled pipeline.
      gpu_nodes: Ids of the nodes that get the GPU and its node.
      placement: The nodes and the volumes of the pods.
    """
    executors: dict[str, dict[str, Any]] = {}
    for task in spec["root"]["dag"]["tasks"].values():
        label = spec["components"][task["componentRef"]["name"]]["executorLabel"]
        mounts = _mounts(task, placement)
        executors[label] = {"podMetadata": {"labels": dict(POD_LABELS)}}
        if mounts:
            executors[label]["pvcMount"] = mounts
    for node in gpu_nodes:
        executor = executors[f"{node}_executor"]
        if placement.node_selector:
            executor["nodeSelector"] = {"labels": dict(placement.node_selector)}
        if placement.tolerations:
            executor["tolerations"] = [dict(item) for item in placement.tolerations]
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


def write(path: str, spec: dict[str, Any], platform: dict[str, Any]) -> None:
    """Writes the pipeline and its platform document as one YAML file."""
    with open(path, "w") as file:
        yaml.safe_dump_all([spec, platform], file, sort_keys=True)


def _mounts(task: dict[str, Any], placement: Placement) -> list[dict[str, str]]:
    """The volumes on which a parameter of the task names a place."""
    parameters = json.dumps(task.get("inputs", {}).get("parameters", {}))
    return [
        {"constant": claim, "mountPath": path}
        for path, claim in placement.volumes.items()
        if path in parameters
    ]
