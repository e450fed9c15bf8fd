"""The pod of LRFinder's Kubeflow Pipelines component: `python -m` runs it.

The exit code says what happened:

- 0: there is a learning rate.
- 1: the user's function, the data or the pod failed. The log has the traceback.
- 2: an input was refused. This happens before TensorFlow is loaded.
- 4: the test was inconclusive, and the policy has no rate.
- 143: SIGTERM came. The pod, run again, resumes from its checkpoint.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from absl import logging

from tfx_lr_finder.kfp_task import Task
from tfx_lr_finder.runtime.checkpoint import preemption
from tfx_lr_finder.settings.inconclusive import InconclusiveError
from tfx_lr_finder.settings.request import FinderRequest

REFUSED = 2
INCONCLUSIVE = 4


def main(arguments: Sequence[str]) -> None:
    """Finds a learning rate and writes the outputs of the task.

    Args:
      arguments: `--executor_input` and its JSON.

    Raises:
      SystemExit: With the code that the module documents.
    """
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--executor_input", required=True)
    options = parser.parse_args(arguments)
    logging.set_verbosity(logging.INFO)
    sys.dont_write_bytecode = True  # module_file lies in a folder of the pipeline
    with preemption.watched() as watch:
        try:
            task = Task.from_json(options.executor_input)
            request = FinderRequest.from_properties(task.properties())
        except ValueError as error:
            _exit(REFUSED, error)
        # Imported late: it loads TensorFlow.
        from tfx_lr_finder.runtime import kfp_job

        try:
            kfp_job.run(request, task, watch)
        except InconclusiveError as error:
            _exit(INCONCLUSIVE, error)


def _exit(code: int, error: Exception) -> NoReturn:
    """Ends the process with one sentence on standard error."""
    print(f"lr_finder: {error}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
