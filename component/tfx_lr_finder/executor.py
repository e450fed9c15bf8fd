"""The LRFinder executor: execution properties in, artifacts out."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_beam_executor

from tfx_lr_finder.runtime.checkpoint import preemption
from tfx_lr_finder.runtime.stopwatch import Stopwatch
from tfx_lr_finder.settings.request import FinderRequest

_LOCAL_RUNNER = "--runner=FnApiRunner"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Runs the range test of an `LRFinder` node.

    Compiled pipelines contain its import path: do not move it.
    """

    _beam_pipeline_args: list[str]

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Finds a learning rate and writes the outputs.

        Args:
          input_dict: `examples`, and optionally `transform_graph`, `schema`,
            `statistics`, `hyperparameters`, `base_model` and `previous` results.
          output_dict: `lr_finder_result` and `best_hyperparameters`. If it has
            `lr_finder_page` and `lr_finder_scalars`, they are written too.
          exec_properties: See `LRFinderSpec.PARAMETERS`.

        Raises:
          ValueError: A parameter, the user module or the data cannot be used. This is
            always raised before any training.
          InconclusiveError: Neither the test nor the policy has a learning rate.
          SystemExit: With 143 after SIGTERM. The same execution, run again, resumes
            from its checkpoint.
        """
        stopwatch = Stopwatch()
        request = FinderRequest.from_properties(exec_properties)
        with preemption.watched() as watch:
            # Imported late: it loads TensorFlow, which a pipeline file does not need.
            from tfx_lr_finder.runtime import job

            stopwatch.end("imports")
            node = job.Node(
                inputs=input_dict,
                outputs=output_dict,
                context=self._context,
                tmp_dir=self._get_tmp_dir(),
                make_beam_pipeline=self._make_beam_pipeline,
                stopwatch=stopwatch,
            )
            job.run(request, node, watch)

    def _make_beam_pipeline(self) -> Any:
        """Returns a Beam pipeline, which runs in this process if no runner is named.

        Beam's own default, the DirectRunner, first tries to download Prism.
        """
        # Imported late, like TensorFlow: only a sample needs Beam.
        from apache_beam.options.pipeline_options import (
            PipelineOptions,
            StandardOptions,
        )

        options = PipelineOptions(self._beam_pipeline_args)
        if options.view_as(StandardOptions).runner is None:
            self._beam_pipeline_args = [*self._beam_pipeline_args, _LOCAL_RUNNER]
        return super()._make_beam_pipeline()
