#!/usr/bin/env bash
# Runs a module of benchmarks/learning_curves in an environment of its own: JAX with the locked tools of
# requirements/curves.txt, without TFX and TensorFlow.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=.venvs/curves
[ -x "$venv/bin/python" ] || .ci/uv.sh venv --quiet --clear --no-project --python ">=3.10" "$venv"
.ci/uv.sh pip sync --quiet --python "$venv/bin/python" --require-hashes requirements/curves.txt
export PYTHONPATH=component
exec "$venv/bin/python" -m "$@"
