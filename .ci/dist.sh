#!/usr/bin/env bash
# Builds the source archive, and the wheel from it, in the folder given (default: dist), and checks both.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${1:-dist}
rm -f "$folder"/tfx_lr_finder-*.whl "$folder"/tfx_lr_finder-*.tar.gz # older ones
.ci/uv.sh build --quiet --python ">=3.10" --build-constraints requirements/tfx-1.16-py3.10-dev.txt --require-hashes \
    --out-dir "$folder" .
.ci/uv.sh tool run --quiet --from twine==6.2.0 twine check --strict "$folder"/*.whl "$folder"/*.tar.gz
