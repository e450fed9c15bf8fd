#!/usr/bin/env bash
# Builds the source archive, and from it the wheel, in dist/, with the setuptools of the lock file named; twine checks both.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
rm -rf dist
.ci/uv.sh build --quiet --build-constraints "$1" --require-hashes --out-dir dist
.ci/uv.sh tool run --quiet --from twine==6.2.0 twine check --strict dist/*.whl dist/*.tar.gz
