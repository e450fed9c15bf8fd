#!/usr/bin/env bash
# find-python.sh 3.11 2.39: prints the path of a Python of that version that runs on that glibc or a newer one, or one
# sentence and exit status 1. PYTHON, if set, is tried first.
# A candidate counts only if it really runs: a pyenv shim may be on PATH for a version that is not active.
set -euo pipefail

wanted=$1
glibc=$2
shopt -s nullglob

# Prints the path of a fitting Python (for that of a virtual environment, the one it was made from);
# fails for any other, and prints the reason.
probe() {
    if ! command -v "$1" >/dev/null; then
        echo "there is no such command"
        return 1
    fi
    "$1" -E -c "
import os, sys
wanted = '$wanted'
if '%d.%d' % sys.version_info[:2] != wanted:
    sys.exit('it is Python %d.%d' % sys.version_info[:2])
for module in 'ctypes', 'ensurepip', 'ssl', 'venv':
    try:
        __import__(module)
    except ImportError:
        sys.exit('it was built or packaged without ' + module)
glibc = os.confstr('CS_GNU_LIBC_VERSION').split()[1]
if [int(part) for part in glibc.split('.')] < [int(part) for part in '$glibc'.split('.')]:
    sys.exit('it runs on glibc ' + glibc + ', not $glibc or newer')
in_venv = sys.prefix != sys.base_prefix
print(os.path.realpath(os.path.join(sys.base_prefix, 'bin', 'python' + wanted) if in_venv else sys.executable))
" 2>&1
}

candidates() {
    local root
    type -aP "python$wanted" || true
    for root in "${PYENV_ROOT:-}" "$(pyenv root 2>/dev/null || true)" "${HOME:-}/.pyenv"; do
        if [ -n "$root" ]; then
            printf '%s\n' "$root/versions/$wanted"*/bin/"python$wanted" | sort -rV
        fi
    done
    for root in "${UV_PYTHON_INSTALL_DIR:-}" "${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python"; do
        if [ -n "$root" ]; then
            printf '%s\n' "$root/cpython-$wanted"*/bin/"python$wanted" | sort -rV
        fi
    done
    printf '%s\n' /usr/local/bin/"python$wanted" /opt/homebrew/bin/"python$wanted" /usr/bin/"python$wanted"
}

if [ -n "${PYTHON:-}" ]; then
    if found=$(probe "$PYTHON"); then
        echo "$found"
        exit 0
    fi
    echo "PYTHON=$PYTHON does not fit (${found##*$'\n'}): looking for another Python $wanted." >&2
fi

unfit=""
while read -r candidate; do
    if [ ! -x "$candidate" ]; then
        continue
    fi
    if found=$(probe "$candidate"); then
        echo "$found"
        exit 0
    fi
    case $unfit in
        *"$candidate ("*) ;;
        *) unfit+="${unfit:+, }$candidate (${found##*$'\n'})" ;;
    esac
done < <(candidates)

echo "No usable Python $wanted: looked at \$PYTHON, at python$wanted on PATH, and in the folders of pyenv, uv," \
    "/usr/local/bin, /opt/homebrew/bin and /usr/bin${unfit:+ (not usable: $unfit)}; get one with" \
    "'pyenv install $wanted' or from your system's packages (with its venv and dev parts)," \
    "or name yours: 'make PYTHON=/path/to/python$wanted'." >&2
exit 1
