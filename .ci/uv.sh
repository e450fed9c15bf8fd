#!/usr/bin/env bash
# Runs the locked uv, which this script installs into .venvs, so that it finds pyenv's Pythons and follows pip's settings.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lock=$root/requirements/tfx-1.16-py3.10-dev.txt
home=$root/.venvs/uv-$(sed -n 's/^uv==\([^ ]*\).*/\1/p' "$lock")
export UV_PYTHON_DOWNLOADS=never

# uv gives up at a shim of a version that is not active. The Pythons behind the shims replace them.
pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}
managed=${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python}
behind=$(printf '%s\n' "$pyenv"/versions/3.*/bin "$managed"/cpython-3.*/bin | sort -rV | paste -sd:)
path=:$PATH:
path=${path//":$pyenv/shims:"/:}
export PATH=$behind${path}/usr/local/bin:/usr/bin

if [ ! -x "$home/bin/uv" ]; then
    mkdir -p "$root/.venvs"
    temporary=$(mktemp -d "$home.XXXXXX") # moved at the end, so that two of these do not meet
    trap 'rm -rf "$temporary"' EXIT
    for python in ${PYTHON:+"$PYTHON"} python3 python3.{13,12,11,10}; do
        "$python" -m venv --clear "$temporary" &>/dev/null && break
    done
    if [ ! -x "$temporary/bin/pip" ]; then
        echo "No Python 3 with venv and ensurepip was found. Install one, or name yours: make PYTHON=/path/to/python3.10" >&2
        exit 1
    fi
    awk '/^[^ #]/ { keep = /^uv==/ } keep' "$lock" >"$temporary/uv.txt"
    if ! "$temporary/bin/python" -m pip --disable-pip-version-check install -qq --no-deps --require-hashes \
        -r "$temporary/uv.txt"; then
        echo "pip could not install uv, for the reason above." >&2
        exit 1
    fi
    mv -T "$temporary" "$home" 2>/dev/null || [ -x "$home/bin/uv" ] && rm -rf "$temporary"
fi

# Exports a variable with one of pip's settings. pip lists environment variables before its files.
follow() {
    local value
    value=$(sed -n "s/^\(:env:\|global\|install\)\.$2='\(.*\)'\$/\2/p" <<<"$settings" | head -n 1)
    [ -z "$value" ] || export "$1=$value"
}

if [ "${1:-}" != python ]; then
    settings=$("$home/bin/python" -m pip config list 2>/dev/null || true)
    [ -n "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] || follow UV_DEFAULT_INDEX index-url
    [ -n "${HTTPS_PROXY:-}${https_proxy:-}${ALL_PROXY:-}" ] || follow HTTPS_PROXY proxy
    [ -n "${SSL_CERT_FILE:-}" ] || follow SSL_CERT_FILE cert
fi
exec "$home/bin/uv" "$@"
