#!/usr/bin/env bash
# Builds the documentation site in build/site with the locked tools of requirements/docs.txt. Any warning is an error.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
venv=.venvs/docs
[ -x "$venv/bin/python" ] || .ci/uv.sh venv --quiet --clear --no-project --python ">=3.10" "$venv"
.ci/uv.sh pip sync --quiet --python "$venv/bin/python" --require-hashes requirements/docs.txt
export PATH=$PWD/$venv/bin:$PATH # mkdocstrings formats signatures with ruff
export NO_MKDOCS_2_WARNING=1     # an announcement of the theme's makers, not a warning about our pages
exec mkdocs build --strict --clean --site-dir build/site
