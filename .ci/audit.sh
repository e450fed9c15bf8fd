#!/usr/bin/env bash
# Asks PyPI for known vulnerabilities of the packages in a lock file. It passes only if PyPI answered for every package:
# without --strict, pip-audit reports packages that it could not check as clean.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if output=$(.ci/uv.sh tool run --from pip-audit==2.10.1 pip-audit --strict --requirement "$1" --require-hashes \
    --disable-pip --progress-spinner off 2>&1); then
    printf '%s\n' "$output"
elif grep -q '^Found [0-9]* known vulnerabilit' <<<"$output"; then
    printf '%s\n' "$output"
    exit 1
else
    printf '%s\n' "$output" | tail -n 1 >&2
    echo "The vulnerability service did not answer for every package: nothing was audited." >&2
    exit 2
fi
