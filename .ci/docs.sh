#!/usr/bin/env bash
# Builds the documentation site into build/site with the locked tools of requirements/docs.txt; a warning is an error.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=.venvs/docs
[ -x "$venv/bin/python" ] || .ci/venv.sh python -m venv --without-pip "$venv"
.ci/uv.sh pip sync --quiet --python "$venv/bin/python" --require-hashes requirements/docs.txt
# The theme's advertisement for a product of its makers.
export NO_MKDOCS_2_WARNING=1
exec "$venv/bin/mkdocs" build --strict --clean --site-dir build/site
