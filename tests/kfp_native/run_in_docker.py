"""Runs a compiled pipeline with `kfp.local`, each task in a container.

    python run_in_docker.py PIPELINE.yaml ROOT '{"parameter": value}' [KILL_AT]

KILL_AT is a pattern: the first container that runs when a file matches it is killed.
The script needs kfp 2.17 or newer, the package `docker`, and the API of Docker or
podman (`DOCKER_HOST`). The image must be there.
"""

import functools
import glob
import json
import os
import sys
import threading

from kfp import components, local
from kfp.local import (
    docker_task_handler,
    executor_input_utils,
    executor_output_utils,
)

add_types = executor_output_utils.add_type_to_executor_output
construct = executor_input_utils.construct_executor_input


def run_container(client, image, command, volumes, killer, **options):
    """Runs a container, prints its log, and returns its exit status.

    kfp's own function lets the engine remove the container, and asks for the status
    then. Podman 4.3 answers with an error, and kfp takes any "not found" for a success.
    """
    container = client.containers.run(
        image=docker_task_handler.add_latest_tag_if_not_present(image),
        command=command,
        detach=True,
        volumes=volumes,
        **options,
    )
    ended = threading.Event()
    threading.Thread(target=killer.watch, args=[container, ended]).start()
    try:
        for line in container.logs(stream=True, follow=True):
            print(line.decode(errors="replace"), end="")
        return container.wait()["StatusCode"]
    finally:
        ended.set()
        container.remove(force=True)


class Killer:
    """Kills one container as soon as a file matches a pattern; "" matches none."""

    def __init__(self, pattern):
        self._pattern = pattern

    def watch(self, container, ended):
        """Kills the container if a file matches before it has ended."""
        while self._pattern and not ended.wait(0.005):
            if glob.glob(self._pattern):
                self._pattern = ""
                container.kill("SIGKILL")
                print("killed: a file is there")


def construct_without_unset(**arguments):
    """Leaves out inputs that are not set. kfp.local calls int(None) on them."""
    executor_input = construct(**arguments)
    values = executor_input.inputs.parameter_values
    for name in [n for n, value in values.items() if not value.WhichOneof("kind")]:
        del values[name]
    return executor_input


def add_all_outputs(executor_input, executor_output):
    """Adds the output artifacts that a task did not list, as KFP's launcher does."""
    listed = executor_output.artifacts
    for name, artifacts in executor_input.outputs.artifacts.items():
        if name not in listed:
            listed[name].CopyFrom(artifacts)
    return add_types(executor_input=executor_input, executor_output=executor_output)


def main(pipeline, root, parameters, kill_at=""):
    """Runs the pipeline; everything that it writes is below the root."""
    run = functools.partial(run_container, killer=Killer(kill_at))
    docker_task_handler.run_docker_container = run
    executor_input_utils.construct_executor_input = construct_without_unset
    executor_output_utils.add_type_to_executor_output = add_all_outputs
    runner = local.DockerRunner(
        # As a pod of a cluster: without the image's entrypoint, root and a network.
        entrypoint=["env"],
        user=f"{os.getuid()}:{os.getgid()}",
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": "rw,mode=1777"},
        cap_drop=["ALL"],
    )
    local.init(runner=runner, pipeline_root=root)
    components.load_component_from_file(pipeline)(**json.loads(parameters))


if __name__ == "__main__":
    main(*sys.argv[1:])
