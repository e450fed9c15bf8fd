#!/usr/bin/env bash
# Writes the lock files. Each TFX and Python has one for images, and one with -dev for the tests. For the versions that
# images are built with, -cpu and -cuda hold the TensorFlow of each image. Pins stay if they still fit. UPGRADE=1 takes the
# newest version of everything.
set -euo pipefail
shopt -s inherit_errexit

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Ignores the wheels and the indexes that only this machine has.
compile() {
    env -u UV_FIND_LINKS -u UV_INDEX -u UV_EXTRA_INDEX_URL UV_NO_CONFIG=1 .ci/uv.sh pip compile --quiet \
        --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        ${UPGRADE:+--upgrade} "$@" >/dev/null
}

# lock 1.21 3.11 manylinux_2_39 [images]: TFX, Python, the oldest glibc that this TFX runs on, and whether images use it.
lock() {
    local lock=requirements/tfx-$1-py$2 target=(--python-version "$2" --python-platform "x86_64-$3")
    local project=(--extra kfp pyproject.toml -)
    compile "${target[@]}" --extra dev "${project[@]}" --output-file "$lock-dev.txt" <<<"tfx==$1.*"
    compile "${target[@]}" --constraints "$lock-dev.txt" "${project[@]}" --output-file "$lock.txt" <<<"tfx==$1.*"
    if [ "${4:-}" = images ]; then
        compile "${target[@]}" --constraints "$lock.txt" --extra cuda "${project[@]}" --output-file "$lock-cuda.txt" \
            <<<"tfx==$1.*"
        sed -n 's/^tensorflow==\([^ ]*\).*/tensorflow-cpu==\1/p' "$lock.txt" |
            compile "${target[@]}" --no-deps - --output-file "$lock-cpu.txt"
    fi
}

lock 1.16 3.10 manylinux_2_17 images
lock 1.21 3.11 manylinux_2_39 images
lock 1.21 3.12 manylinux_2_39
lock 1.21 3.13 manylinux_2_39

compile --python-version 3.10 --universal --group docs --output-file requirements/docs.txt
compile --python-version 3.10 --universal --group curves --output-file requirements/curves.txt
