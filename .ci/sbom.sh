#!/usr/bin/env bash
# Prints what the cpu image holds, by its lock files, as CycloneDX JSON; the same bytes for the same locks.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
{
    awk '/^[^ #]/ { keep = !/^tensorflow==/ } keep' "$1.txt" # as the Dockerfile leaves it out
    cat "$1-cpu.txt"
} | PYTHONWARNINGS=ignore .ci/uv.sh tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements - --pyproject pyproject.toml \
    --mc-type application --output-reproducible --output-format JSON
