#!/usr/bin/env bash
# Asks PyPI for known vulnerabilities of the packages in a lock file; passes only with an answer on every one.
# Without --strict pip-audit calls packages that it could not ask about clean.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if told=$(.ci/uv.sh tool run --from pip-audit==2.10.1 pip-audit --strict --requirement "$1" --require-hashes \
    --disable-pip --progress-spinner off 2>&1); then
    printf '%s\n' "$told"
elif grep -q '^Found [0-9]* known vulnerabilit' <<<"$told"; then
    printf '%s\n' "$told"
    exit 1
else
    printf '%s\n' "$told" | tail -n 1 >&2
    echo "The vulnerability service could not be reached or did not answer for every package: nothing was audited." >&2
    exit 2
fi
