#!/usr/bin/env bash
# Makes a virtual environment with the locked dependencies and this project in it, as .ci/choose.sh says; returns at
# once when that is already done.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
chosen=$(.ci/choose.sh)
read -r name python <<<"$chosen"
venv=.venvs/$name
lock=requirements/$name-dev.txt
stamp=$venv/.complete     # written last: an environment without it is not taken for a whole one
ours=$venv/.made-by-make  # written first: one without it is somebody else's, and is left alone

say() { printf '%s\n' "$*" >&2; }

# Whole, in this folder (its scripts hold its absolute path), and made with the Python that is asked for.
is_usable() {
    [ -f "$stamp" ] && [ -x "$venv/bin/python" ] && [ "$(sed -n 2p "$stamp")" = "$PWD" ] &&
        [ "$(sed -n 3p "$stamp")" = "$python" ]
}

is_up_to_date() {
    is_usable && [ "$(sed -n 1p "$stamp")" = "$key" ]
}

# The mark stays while the rest is deleted, so that this too can be interrupted.
new_venv() {
    say "Making $venv with $python; the locked dependencies take about 3 GB and, the first time, some minutes."
    mkdir -p "$venv"
    : >"$ours"
    find "$venv/" -mindepth 1 -maxdepth 1 ! -name "${ours##*/}" -exec rm -rf {} +
    "$python" -m venv "$venv"
}

install_locked() {
    # One source of truth: the tools that install come from the lock too.
    awk '/^[^ #]/ { keep = /^(packaging|pip|setuptools|uv|wheel)==/ } keep' "$lock" >"$venv/bootstrap.txt"
    "$venv/bin/python" -m pip --disable-pip-version-check install -qq --no-deps --require-hashes \
        -r "$venv/bootstrap.txt"
    if ! VENV=$venv .ci/uv.sh pip sync --quiet --python "$venv/bin/python" --require-hashes --no-build-isolation "$lock"; then
        explain
        return 1
    fi
    VENV=$venv .ci/uv.sh pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
}

explain() {
    local header
    header=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
    if ! command -v "${CXX:-c++}" >/dev/null; then
        say "No C++ compiler: pyfarmhash, which TFX needs, is compiled on installation; install one (on Debian: 'apt-get install g++') and run make again."
    elif [ ! -f "$header" ]; then
        say "No $header: pyfarmhash, which TFX needs, is compiled on installation; install this Python's dev package and run make again."
    else
        say "The installation stopped; the reason stands above. Run make again to go on: what was downloaded is kept."
    fi
}

version=${name#tfx-}
say "TFX ${version%-py*} on Python ${version#*-py}."
key=$(cat "$lock" pyproject.toml .ci/setup.sh | git hash-object --stdin)
if is_up_to_date; then
    exit 0
fi

mkdir -p .venvs
if command -v flock >/dev/null; then
    exec 9>"$venv.lock"
    if ! flock --nonblock 9; then
        say "Another make is installing into $venv; waiting for it."
        flock 9
        if is_up_to_date; then
            exit 0
        fi
    fi
fi

if [ ! -f "$ours" ] && [ -n "$(ls -A "$venv" 2>/dev/null)" ]; then
    say "$PWD/$venv was not made by make: move it away or delete it, and run make again."
    exit 1
fi
started=$SECONDS
if is_usable; then
    say "Bringing $venv up to date with $lock."
    rm "$stamp"
else
    new_venv
fi
install_locked 9>&-
printf '%s\n' "$key" "$PWD" "$python" >"$stamp"
say "$venv is ready ($((SECONDS - started)) s)."
