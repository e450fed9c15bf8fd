#!/usr/bin/env bash
# Prints the folder of the virtual environment that .ci/setup.sh makes; with arguments, runs them as a command in it.
set -euo pipefail

chosen=$("$(dirname "${BASH_SOURCE[0]}")/choose.sh" 2>/dev/null)
venv=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.venvs/${chosen%% *}
if [ $# = 0 ]; then
    echo "$venv"
    exit 0
fi
# Beam starts its workers by the name `python`.
export PATH="$venv/bin:$PATH"
exec "$@"
