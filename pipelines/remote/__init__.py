"""The taxi pipeline for Kubeflow Pipelines and Vertex AI: settings, checks, compiling.

A Python without TFX ends here, before an import fails.
"""

import sys

from this_python import problem

if _sentence := problem(sys.argv):
    sys.exit(_sentence)
