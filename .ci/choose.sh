#!/usr/bin/env bash
# Prints the lock to install and the Python for it, "tfx-1.21-py3.11 /usr/bin/python3.11", and on standard error what
# speaks against a newer TFX. TFX names a version (default: the newest that runs here), PYTHON a Python.
set -euo pipefail
shopt -s inherit_errexit

cd "$(dirname "${BASH_SOURCE[0]}")"

# TFX, the oldest glibc that it runs on, and the Pythons that there are locks for; the best first.
versions="1.21 2.39 3.11 3.12 3.13
1.16 2.17 3.10"

here=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo "glibc 0")
here=${here#glibc }
named=""
if [ -n "${PYTHON:-}" ]; then
    named=$("$PYTHON" -E -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || named=unusable
fi

# Prints the first Python of those named that runs on the glibc named, and the lock for it.
choose() {
    local tfx=$1 glibc=$2 python found reasons=""
    shift 2
    case " $* " in *" $named "*) set -- "$named" ;; esac
    if [ "$named" != "$1" ] && [ "$(printf '%s\n' "$glibc" "$here" | sort -V | head -n 1)" != "$glibc" ]; then
        echo "TFX $tfx needs glibc $glibc; this machine has $here." >&2
        return 1
    fi
    for python in "$@"; do
        if found=$(./find-python.sh "$python" "$glibc" 2>&1); then
            head -n -1 <<<"$found" >&2
            echo "tfx-$tfx-py$python $(tail -n 1 <<<"$found")"
            return
        fi
        reasons+=$found$'\n'
    done
    echo -n "$reasons" >&2
    return 1
}

any=""
while read -r line; do
    if [ -z "${TFX:-}" ] || [ "${line%% *}" = "$TFX" ]; then
        any=yes
        # shellcheck disable=SC2086
        if choose $line; then
            exit 0
        fi
    fi
done <<<"$versions"
[ -n "$any" ] || echo "TFX=$TFX: there are locks for TFX $(cut -d' ' -f1 <<<"$versions" | paste -sd' ')." >&2
exit 1
