#!/usr/bin/env bash
# Prints the folder of the virtual environment that .ci/setup.sh makes. With arguments, runs them as a command in it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
chosen=$("$here/choose.sh" 2>/dev/null) || chosen=$("$here/choose.sh") # again, to print the reason
venv=${here%/.ci}/.venvs/${chosen%% *}
if [ $# = 0 ]; then
    echo "$venv"
    exit
elif [ ! -f "$venv/.complete" ]; then
    echo "$venv does not exist or is incomplete: run make venv first." >&2
    exit 1
fi
export PATH="$venv/bin:$PATH" # Beam starts its workers by the name "python"
exec "$@"
