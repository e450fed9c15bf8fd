#!/usr/bin/env bash
# Runs the uv of a virtual environment, VENV or the one of .ci/choose.sh, with the settings that pip has: uv itself does
# not read pip's mirror, proxy and certificates.
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
bin=${VENV:-$("$here/venv.sh")}/bin
export UV_PYTHON_DOWNLOADS=never
settings=$("$bin/python" -m pip config list 2>/dev/null || true)

# The value of one of pip's settings: environment variables come first in pip's list, then the files.
setting() {
    sed -n "s/^\(:env:\|global\|install\)\.$1='\(.*\)'\$/\2/p" <<<"$settings" | head -n 1
}

# Sets a variable to one of pip's settings, where pip has it.
follow() {
    local value
    value=$(setting "$2")
    if [ -n "$value" ]; then
        export "$1=$value"
    fi
}

[ -n "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ] || follow UV_DEFAULT_INDEX index-url
[ -n "${HTTPS_PROXY:-}${https_proxy:-}${ALL_PROXY:-}" ] || follow HTTPS_PROXY proxy
[ -n "${SSL_CERT_FILE:-}" ] || follow SSL_CERT_FILE cert

exec "$bin/uv" "$@"
