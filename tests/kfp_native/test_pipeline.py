"""The example pipeline: what it compiles to, and its commands run as processes."""

import functools
import random
import subprocess
import sys

import numpy as np
import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler
from kfp.pipeline_spec import pipeline_spec_pb2
from kfp_native.pipeline import DEFAULT_LEARNING_RATE, build, main

from tests.kfp_native.processes import Failed, Run, run_command
from tfx_lr_finder import read_result


def compiled(folder, *options):
    path = folder / "penguin.yaml"
    main(["--image", "my-image:1", "--output", str(path), *options])
    return yaml.safe_load(path.read_text())


@pytest.mark.parametrize("accelerator", ["NVIDIA_TESLA_T4", "nvidia.com/gpu"])
def test_only_the_node_that_finds_the_rate_gets_the_gpu(tmp_path, accelerator):
    spec = compiled(tmp_path, "--accelerator", accelerator)
    executors = spec["deploymentSpec"]["executors"]
    resources = {
        name.removeprefix("exec-"): executor["container"].get("resources", {})
        for name, executor in executors.items()
    }
    finder = resources.pop("lr-finder")
    assert finder["accelerator"]["type"] == accelerator
    assert finder["memoryLimit"] == 4.0
    assert not any("accelerator" in given for given in resources.values())
    task = spec["root"]["dag"]["tasks"]["lr-finder"]
    assert task["retryPolicy"]["maxRetryCount"] == 3
    asked = task["inputs"]["parameters"]["requested_gpus"]["runtimeValue"]
    assert asked["constant"] == 1


def test_the_compiled_pipeline_is_a_strict_pipeline_spec(tmp_path):
    spec = compiled(tmp_path)
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert parsed.pipeline_info.name == "penguin-lr-finder"
    assert parsed.schema_version == "2.1.0"


def test_google_s_client_takes_the_compiled_pipeline(tmp_path):
    from google.auth import credentials
    from google.cloud import aiplatform

    path = tmp_path / "penguin.yaml"
    compiler.Compiler().compile(build("my-image:1", "NVIDIA_TESLA_T4"), str(path))
    job = aiplatform.PipelineJob(
        display_name="penguin",
        template_path=str(path),
        pipeline_root="gs://bucket/root",
        parameter_values={"max_lr": 1.0, "train_steps": 200},
        project="project",
        location="europe-west4",
        credentials=credentials.AnonymousCredentials(),
    )
    sent = job.to_dict()
    assert set(sent["pipelineSpec"]["components"]) >= {"comp-lr-finder", "comp-train"}
    assert sent["runtimeConfig"]["parameterValues"]["max_lr"] == 1.0
    executors = sent["pipelineSpec"]["deploymentSpec"]["executors"]
    container = executors["exec-lr-finder"]["container"]
    assert container["resources"]["accelerator"]["type"] == "NVIDIA_TESLA_T4"
    assert container["args"] == ["--executor_input", "{{$}}"]


@pytest.mark.long
def test_the_optimizer_has_the_float_that_the_result_has(tmp_path):
    run = Run(compiled(tmp_path), tmp_path / "root").run()
    found, trained = run.outputs["lr-finder"], run.outputs["train"]
    print(found, trained, run.outputs["evaluate"])
    assert found["verdict"] != "INCONCLUSIVE"
    assert found["learning_rate"] == read_result(found["result"]).learning_rate
    assert trained["rate_used"] == np.float32(found["learning_rate"])
    assert run.outputs["evaluate"]["accuracy"] > 0.9
    assert "review" not in run.outputs


@pytest.mark.long
def test_labels_of_a_tossed_coin_take_the_branch_without_a_rate(tmp_path):
    write_coin(tmp_path / "coin")
    run = Run(compiled(tmp_path), tmp_path / "root").run(source=str(tmp_path / "coin"))
    found = run.outputs["lr-finder"]
    print(found["verdict"], found["learning_rate"], sorted(run.outputs))
    assert found["verdict"] == "INCONCLUSIVE"
    assert found["learning_rate"] == DEFAULT_LEARNING_RATE
    assert sorted(run.outputs) == ["lr-finder", "prepare", "review"]
    assert "review: INCONCLUSIVE." in run.logs["review"]


@pytest.mark.long
def test_a_parameter_out_of_range_in_a_compiled_pipeline_ends_the_pod(tmp_path):
    run = Run(compiled(tmp_path), tmp_path / "root")
    with pytest.raises(Failed, match="lr_finder: min_lr must be below max_lr") as ended:
        run.run(min_lr=20.0)
    assert ended.value.code == 2
    assert "tensorflow" not in ended.value.log.lower()


@pytest.mark.long
def test_a_killed_pod_run_again_resumes(tmp_path):
    """SIGKILL, which no handler sees, as soon as there is a checkpoint."""
    spec, kept = compiled(tmp_path), tmp_path / "kept"
    parameters = {"checkpoint_dir": str(kept)}
    killing = functools.partial(run_killed, folder=kept)
    with pytest.raises(Failed) as ended:
        Run(spec, tmp_path / "root", start=killing).run(**parameters)
    assert ended.value.code == -9
    run = Run(spec, tmp_path / "root").run(**parameters)
    result = read_result(run.outputs["lr-finder"]["result"])
    print("resumed steps:", result.environment["num_steps_resumed"])
    assert result.environment["num_steps_resumed"] > 0
    whole = Run(spec, tmp_path / "whole").run()
    rate = whole.outputs["lr-finder"]["learning_rate"]
    assert run.outputs["lr-finder"]["learning_rate"] == rate


def run_killed(command, folder):
    """Runs LRFinder's command until a checkpoint appears, and kills it then."""
    if "tfx_lr_finder.kfp_main" not in command:
        return run_command(command)
    watched = f"""
import glob, os, signal, sys, threading, time
def kill():
    while not glob.glob({str(folder / "*.checkpoint")!r}):
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill, daemon=True).start()
from tfx_lr_finder import kfp_main
kfp_main.main(sys.argv[1:])
"""
    return run_command(["python", "-c", watched, *command[3:]])


def write_coin(folder):
    """Writes TFX's penguins with random species, both splits."""
    import tensorflow as tf

    from tests.conftest import TFX_DATA

    toss = random.Random(0)
    for split in ("Split-train", "Split-eval"):
        (folder / split).mkdir(parents=True)
        target = str(folder / split / "data.gz")
        files = sorted(map(str, (TFX_DATA / "penguin" / "data" / split).iterdir()))
        with tf.io.TFRecordWriter(target, options="GZIP") as writer:
            for record in tf.data.TFRecordDataset(files, compression_type="GZIP"):
                example = tf.train.Example.FromString(record.numpy())
                species = example.features.feature["species"].int64_list
                species.value[:] = [toss.randrange(3)]
                writer.write(example.SerializeToString())


@pytest.mark.long
def test_the_command_line_compiles_the_pipeline(tmp_path):
    output = tmp_path / "penguin.yaml"
    arguments = ["pipelines/kfp_native/pipeline.py", "--image=i", f"--output={output}"]
    subprocess.run([sys.executable, *arguments], check=True)
    assert output.stat().st_size > 10_000
