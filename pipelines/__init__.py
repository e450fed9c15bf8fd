"""Example pipelines, written against the public names of `tfx_lr_finder` only."""
