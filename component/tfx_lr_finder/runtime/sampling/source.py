"""The examples to sample: their files and their transform graph."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

from apache_beam.io.filesystems import FileSystems
from tfx import types
from tfx.types import artifact_utils
from tfx.utils import io_utils

from tfx_lr_finder.runtime.examples import formats
from tfx_lr_finder.runtime.examples.record_files import PARQUET, TFRECORD
from tfx_lr_finder.settings import keys


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to read.

    Attributes:
      split: Number of its split among those that are sampled together.
      path: Its path.
      name: Its path inside its artifact.
      file_format: `TFRECORD` or `PARQUET`.
    """

    split: int
    path: str
    name: str
    file_format: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What to sample, and the resources to do it.

    Attributes:
      input_dict: The node's input artifacts.
      train_splits: Names of the training splits.
      eval_splits: Names of the held-out splits.
      make_pipeline: Returns a new Beam pipeline.
      folder: Scratch folder that the Beam workers can write to.
    """

    input_dict: dict[str, list[types.Artifact]]
    train_splits: Sequence[str]
    eval_splits: Sequence[str]
    make_pipeline: Callable[[], Any]
    folder: str

    def files(self, splits: list[str]) -> list[SourceFile]:
        """Returns the files of some splits of the examples.

        Args:
          splits: Names of the splits.

        Raises:
          ValueError: There is no file.
        """
        artifacts = self.input_dict[keys.EXAMPLES]
        files = []
        for number, split in enumerate(splits):
            for artifact in artifacts:
                (uri,) = artifact_utils.get_split_uris([artifact], split)
                (found,) = FileSystems.match([io_utils.all_files_pattern(uri)])
                file_format = PARQUET if formats.is_parquet(artifact) else TFRECORD
                files += [
                    SourceFile(
                        split=number,
                        path=path,
                        name=os.path.relpath(path, artifact.uri),
                        file_format=file_format,
                    )
                    for path in sorted(item.path for item in found.metadata_list)
                ]
        if not files:
            raise ValueError(
                f"There is no file in the split {', '.join(splits)} of "
                f"{', '.join(artifact.uri for artifact in artifacts)}. Check that the "
                "ExampleGen's output still exists, or name another split."
            )
        return files

    def transform_graph(self, payload: str) -> str:
        """Returns the folder of the transform graph to apply to the sample.

        Args:
          payload: Payload format of the examples.

        Raises:
          ValueError: There is no transform graph, or it does not apply to the examples.
        """
        artifacts = self.input_dict.get(keys.TRANSFORM_GRAPH)
        if not artifacts:
            raise ValueError(
                "sample_transform='on' needs the input transform_graph, which is not "
                "connected. Pass transform_graph=transform.outputs['transform_graph']."
            )
        if payload != formats.TF_EXAMPLE:
            raise ValueError(
                "sample_transform='on' takes raw examples of "
                f"{formats.TF_EXAMPLE}, got {payload}. Connect Transform's "
                "transformed_examples instead."
            )
        return str(artifact_utils.get_single_uri(artifacts))
