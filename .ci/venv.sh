#!/usr/bin/env bash
# Prints the folder of the virtual environment that .ci/setup.sh makes; with arguments, runs them as a command in it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
chosen=$("$here/choose.sh" 2>/dev/null) || chosen=$("$here/choose.sh") # once more, to say why not
venv=${here%/.ci}/.venvs/${chosen%% *}
if [ $# = 0 ]; then
    echo "$venv"
    exit 0
fi
if [ ! -f "$venv/.complete" ]; then
    echo "$venv is not there, or not whole: run make venv first." >&2
    exit 1
fi
# Beam starts its workers by the name `python`.
export PATH="$venv/bin:$PATH"
exec "$@"
