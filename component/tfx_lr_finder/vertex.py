"""LRFinder as a custom job of Vertex AI, on a machine and with GPUs of its own.

As with the Trainer and the Tuner in `tfx.extensions.google_cloud_ai_platform`, the
node's pod starts the job and waits for it. The node can run anywhere: on Vertex AI
Pipelines, on Kubeflow Pipelines or on a local runner.
"""

import dataclasses
from typing import Any

from google.protobuf import json_format, message
from tfx import types
from tfx.dsl.components.base import base_beam_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import json_utils

from tfx_lr_finder import artifact, component, executor
from tfx_lr_finder.settings import keys
from tfx_lr_finder.settings.parameters import is_deferred
from tfx_lr_finder.settings.request import FinderRequest

CUSTOM_JOB = "vertex_custom_job"
"""Key of the job in `custom_config`. The user's code does not see it."""

_EXECUTOR_IN_JOB = "tfx_lr_finder.vertex.JobExecutor"
_TMP_DIR = "--temp_directory_path"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CustomJob:
    """The machine on which Vertex AI runs LRFinder. It is always one.

    Attributes:
      project: Id of the Google Cloud project.
      region: Region of the job, such as europe-west4.
      image: Container image with TFX, this package and the imports of the user module.
      machine_type: Type of machine, such as n1-standard-8.
      accelerator_type: Type of GPU, such as NVIDIA_TESLA_T4; empty without one.
      accelerator_count: Number of GPUs, at least 1 with a type, and else 0.
      service_account: Account of the job; empty for the default of the project.

    Raises:
      ValueError: A value is missing, or the GPUs have no type or no count.
    """

    project: str
    region: str
    image: str
    machine_type: str = "n1-standard-8"
    accelerator_type: str = ""
    accelerator_count: int = 0
    service_account: str = ""

    def __post_init__(self) -> None:
        """Checks all values."""
        for name in ("project", "region", "image", "machine_type"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise ValueError(
                    f"CustomJob needs {name} as a non-empty string, got {value!r}."
                )
        if bool(self.accelerator_type) != (self.accelerator_count >= 1):
            raise ValueError(
                "accelerator_type and accelerator_count go together, got "
                f"{self.accelerator_type!r} and {self.accelerator_count}. Give both, "
                "such as 'NVIDIA_TESLA_T4' and 1, or neither."
            )

    def training_args(self, arguments: list[str]) -> dict[str, Any]:
        """Returns the job in the form that TFX's client for Vertex takes.

        Args:
          arguments: What follows the command, which TFX's client adds.
        """
        machine: dict[str, Any] = {"machine_type": self.machine_type}
        if self.accelerator_type:
            machine["accelerator_type"] = self.accelerator_type
            machine["accelerator_count"] = self.accelerator_count
        pool = {
            "machine_spec": machine,
            "replica_count": 1,
            "container_spec": {"image_uri": self.image, "args": arguments},
        }
        job_spec: dict[str, Any] = {"worker_pool_specs": [pool]}
        if self.service_account:
            job_spec["service_account"] = self.service_account
        return {"project": self.project, "job_spec": job_spec}


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the range test in a custom job, and waits for it.

    Compiled pipelines contain its import path: do not move it.
    """

    _beam_pipeline_args: list[str]

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Starts the job, waits for it, and describes its result in ML Metadata.

        Args:
          input_dict: As for `tfx_lr_finder.executor.Executor`.
          output_dict: As for `tfx_lr_finder.executor.Executor`. The job writes them.
          exec_properties: See `LRFinderSpec.PARAMETERS`; `custom_config` has the job.

        Raises:
          ValueError: A parameter is invalid. This is raised before a machine starts.
          RuntimeError: The job failed or was cancelled. Its log has the reason.
        """
        # Imported late: it loads all of TFX's components, and with them TensorFlow.
        from tfx.extensions.google_cloud_ai_platform import runner

        custom_config = FinderRequest.from_properties(exec_properties).custom_config
        remaining = dict(custom_config or {})
        job = CustomJob(**remaining.pop(CUSTOM_JOB))
        properties = {name: _plain(value) for name, value in exec_properties.items()}
        properties[keys.CUSTOM_CONFIG] = json_utils.dumps(remaining or None)
        runner.start_cloud_training(
            input_dict,
            output_dict,
            properties,
            _EXECUTOR_IN_JOB,
            job.training_args(
                [_TMP_DIR, self._get_tmp_dir(), *self._beam_pipeline_args]
            ),
            job_id=None,
            enable_vertex=True,
            vertex_region=job.region,
        )
        # The job sets custom properties too, but on artifacts of its own process.
        result = artifact_utils.get_single_instance(output_dict[keys.LR_FINDER_RESULT])
        report = artifact.describe_written(result)
        for scalars in output_dict.get(keys.LR_FINDER_SCALARS, ()):
            artifact.write_scalars(scalars, report)


class JobExecutor(executor.Executor):
    """LRFinder's executor inside the job, with the scratch folder of the node.

    The command of a job creates its executor with a folder, but without the id that TFX
    needs to make one of its own below it.
    """

    def _get_tmp_dir(self) -> str:
        tmp_dir: str = self._context._tmp_dir
        fileio.makedirs(tmp_dir)
        return tmp_dir


class LRFinder(component.LRFinder):
    """Runs `tfx_lr_finder.LRFinder` as a custom job of Vertex AI.

    For example::

        from tfx_lr_finder import vertex

        lr_finder = vertex.LRFinder(
            examples=transform.outputs["transformed_examples"],
            transform_graph=transform.outputs["transform_graph"],
            run_fn="taxi_module.run_fn",
            custom_job=vertex.CustomJob(
                project="my-project",
                region="europe-west4",
                image="registry.example.org/tfx-lr-finder:0.1.0-gpu",
                machine_type="n1-standard-8",
                accelerator_type="NVIDIA_TESLA_T4",
                accelerator_count=1,
            ),
        )

    The pipeline root and the data must be on Google Cloud Storage, which the job reads
    and writes. Its inputs, outputs and other arguments are those of `LRFinder`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        *,
        custom_job: CustomJob,
        custom_config: dict[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        """Builds the component and checks every value that is known already.

        Args:
          examples: Channel of `Examples`.
          custom_job: The machine of the job.
          custom_config: What the user module gets as `fn_args.custom_config`. It must
            be known when the pipeline is written.
          **parameters: The other arguments of `LRFinder`. `requested_gpus` is by
            default the number of GPUs of the job.

        Raises:
          ValueError: As for `LRFinder`, or custom_config is not known yet.
        """
        if is_deferred(custom_config):
            raise ValueError(
                "custom_config must be a plain dict, because LRFinder stores the "
                "settings of the Vertex AI job in it. Got a runtime parameter or a "
                "placeholder, whose value is not known before the pipeline runs."
            )
        if parameters.get(keys.REQUESTED_GPUS) is None:
            parameters[keys.REQUESTED_GPUS] = custom_job.accelerator_count
        super().__init__(
            examples,
            custom_config={
                **(custom_config or {}),
                CUSTOM_JOB: dataclasses.asdict(custom_job),
            },
            **parameters,
        )


def _plain(value: Any) -> Any:
    """Returns a proto as JSON, and any other execution property unchanged."""
    if isinstance(value, message.Message):
        return json_format.MessageToJson(value)
    return value
