#!/usr/bin/env bash
# Prints the lock to install and the Python for it, such as "tfx-1.21-py3.11 /usr/bin/python3.11". Standard error says why
# a newer TFX does not fit. TFX selects a version of TFX, PYTHON an interpreter.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# TFX, the oldest glibc that it runs on, and a Python that it has a lock for. The first line that fits is taken.
locks="1.21 2.39 3.11
1.21 2.39 3.12
1.21 2.39 3.13
1.16 2.17 3.10"

# choose FIND GLIBC: FIND prints the path of a Python, given its version; GLIBC is the one that it runs on.
choose() {
    local tfx glibc version python
    while read -r tfx glibc version; do
        if [ "${TFX:-$tfx}" != "$tfx" ]; then
            continue
        elif ! printf '%s\n' "$glibc" "$2" | sort -VC; then
            reasons+="TFX $tfx needs glibc $glibc, but $2 was found."$'\n'
        elif ! python=$("$1" "$version"); then
            reasons+="TFX $tfx needs Python $version, which was not found on PATH, in pyenv or in uv. Install it, for example with"
            reasons+=" 'pyenv install $version', or name yours: make PYTHON=/path/to/python$version"$'\n'
        else
            echo -n "$reasons" | uniq >&2
            echo "tfx-$tfx-py$version $python"
            exit 0
        fi
    done <<<"$locks"
}

named() { [ "$1" = "$version_of_named" ] && echo "$path_of_named"; }
search() { ./uv.sh python find --system --no-project "$1" 2>/dev/null; }

reasons=""
if [ -n "${PYTHON:-}" ]; then
    facts=$("$PYTHON" -E -c 'import os, sys; print("%d.%d" % sys.version_info[:2], *os.confstr("CS_GNU_LIBC_VERSION").split(),
        os.path.realpath(getattr(sys, "_base_executable", sys.executable)))' 2>/dev/null) || facts="unusable glibc 0 -"
    read -r version_of_named _ glibc_of_named path_of_named <<<"$facts"
    choose named "$glibc_of_named"
    echo "PYTHON=$PYTHON does not fit (version $version_of_named, glibc $glibc_of_named): looking for another Python." >&2
    reasons=""
fi
./uv.sh --version >/dev/null
choose search "$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)"
[ -n "$reasons" ] || reasons="TFX=$TFX has no lock; there are locks for TFX $(cut -d' ' -f1 <<<"$locks" | uniq | paste -sd' ')."$'\n'
echo -n "$reasons" | uniq >&2
if grep -q 'needs glibc' <<<"$reasons"; then
    echo "To run it all the same, with a libc of Debian 13 in .venvs:" \
        "make TFX=${TFX:-1.21} PYTHON=\$(.ci/newer-glibc.sh) ${MAKECMDGOALS:-venv}" >&2
fi
exit 1
