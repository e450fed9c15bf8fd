#!/usr/bin/env bash
# Makes the virtual environment that .ci/choose.sh names, with the locked dependencies and this project. Returns at once if
# the environment is up to date.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
say() { printf '%s\n' "$*" >&2; }

chosen=$(.ci/choose.sh)
read -r name python <<<"$chosen"
venv=.venvs/$name
lock=requirements/$name-dev.txt
stamp=$venv/.complete # written last: an installation that was killed has none
key="$(cat "$lock" pyproject.toml .ci/setup.sh | git hash-object --stdin) $PWD $python"
version=${name#tfx-}
say "TFX ${version%-py*} on Python ${version#*-py}."

is_up_to_date() { [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$key" ]; }

if is_up_to_date; then
    exit 0
fi
mkdir -p .venvs
exec 9>"$venv.lock"
if ! flock --nonblock 9; then
    say "Another make is installing into $venv; waiting for it."
    flock 9
    if is_up_to_date; then
        exit 0
    fi
fi

started=$SECONDS
if [ -x "$venv/bin/python" ] && [[ "$(cat "$stamp" 2>/dev/null)" = *" $PWD $python" ]]; then
    say "Updating $venv from $lock."
    rm "$stamp"
else
    say "Making $venv with $python. The first time this takes some minutes and about 3 GB."
    .ci/uv.sh venv --quiet --clear --force --python "$python" "$venv" 9>&-
fi
# The lock also pins what builds the packages that come as source.
locked=(--quiet --python "$venv/bin/python" --build-constraints "$lock")
if ! .ci/uv.sh pip sync "${locked[@]}" --require-hashes "$lock" 9>&-; then
    command -v "${CXX:-c++}" >/dev/null ||
        say "There is no C++ compiler, and pyfarmhash, which TFX needs, is compiled: on Debian, run 'apt-get install g++'."
    header=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h
    [ -f "$header" ] ||
        say "There is no $header, and pyfarmhash, which TFX needs, is compiled: install the dev package of this Python."
    say "The installation stopped, for the reason above. Run make again to resume: uv keeps what it downloaded."
    exit 1
fi
.ci/uv.sh pip install "${locked[@]}" --no-deps --editable . 9>&-
echo "$key" >"$stamp"
say "$venv is ready ($((SECONDS - started)) s)."
