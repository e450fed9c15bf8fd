#!/usr/bin/env bash
# Writes the lock files: for each TFX and Python what an image needs, and with -dev what the tests need; where images are
# built, -cpu and -cuda have the TensorFlow of each. Pins stay where they still fit; UPGRADE=1 takes the newest of
# everything.
set -euo pipefail
shopt -s inherit_errexit

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Wheels that only this machine has are not asked.
compile() {
    env -u UV_FIND_LINKS -u UV_INDEX -u UV_EXTRA_INDEX_URL UV_NO_CONFIG=1 .ci/uv.sh pip compile --quiet \
        --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        ${UPGRADE:+--upgrade} "$@" >/dev/null
}

# lock 1.21 3.11 manylinux_2_39 [images]: the oldest glibc that this TFX runs on stands in the third word.
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
