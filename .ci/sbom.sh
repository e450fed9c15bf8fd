#!/usr/bin/env bash
# Prints the packages of the cpu image, from its lock files, as CycloneDX JSON. The same locks give the same bytes.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
{
    awk '/^[^ #]/ { keep = !/^tensorflow==/ } keep' "$1.txt" # the Dockerfile leaves it out, too
    cat "$1-cpu.txt"
} | PYTHONWARNINGS=ignore .ci/uv.sh tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements - --pyproject pyproject.toml \
    --mc-type application --output-reproducible --output-format JSON
