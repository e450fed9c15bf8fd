#!/usr/bin/env bash
# Prints the path of a Python that TFX 1.21 runs on: newer-glibc.sh [3.11]. Where this machine's glibc is too old, that
# is a script which starts its Python with the libc of the next Debian; nothing outside of .venvs/ changes.
set -euo pipefail
shopt -s inherit_errexit

cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=${1:-3.11}
suite=trixie
unset PYTHON

if ! python=$(.ci/uv.sh python find --system --no-project "$version" 2>/dev/null); then
    echo "TFX 1.21 needs Python $version, which was not found on PATH, in pyenv or in uv." >&2
    exit 1
elif printf 'glibc 2.39\n%s\n' "$(getconf GNU_LIBC_VERSION)" | sort -VC; then
    echo "$python"
    exit
fi
place=$PWD/.venvs/python$version-$suite
started=$place/bin/python$version
if [ -x "$started" ] && "$started" -c pass; then
    echo "$started"
    exit 0
fi
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
if [ ! -f "$keyring" ] || ! command -v apt-get >/dev/null; then
    echo "TFX 1.21 needs glibc 2.39. Where this machine has an older one, it is taken from Debian's $suite, for which" \
        "apt-get and $keyring are needed; or use a machine with a newer glibc, such as Debian 13 or Ubuntu 24.04." >&2
    exit 1
fi

echo "Fetching the libc of Debian $suite into $place (16 MB)." >&2
rm -rf "$place"
mkdir -p "$place"/{bin,apt/lists/partial,apt/cache/archives/partial,apt/packages}
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | { grep -v security || true; } | head -n 1)
if [ -z "$mirror" ]; then
    echo "apt knows no Debian mirror to take the libc of $suite from: see apt-get indextargets." >&2
    exit 1
fi
cat >"$place/apt/$suite.sources" <<SOURCES
Types: deb
URIs: $mirror
Suites: $suite
Components: main
Signed-By: $keyring
SOURCES
options=(-o "Dir::Etc::sourcelist=$place/apt/$suite.sources" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$place/apt/lists" -o "Dir::Cache=$place/apt/cache" -o Dir::State::status=/dev/null
    -o APT::Sandbox::User=)
apt-get "${options[@]}" update -qq
(cd "$place/apt/packages" && apt-get "${options[@]}" download -qq libc6 libstdc++6 libgcc-s1 >&2)
for package in "$place"/apt/packages/*.deb; do
    dpkg-deb --extract "$package" "$place/root"
done
rm -r "$place/apt"

# A virtual environment finds its base by the folder of the Python that it was made with.
base=$("$python" -c 'import sys; print(sys.base_prefix)')
ln -s "$base/lib" "$place/lib"
ln -s "$base/include" "$place/include"
libraries=$place/root/usr/lib/$(uname -m)-linux-gnu
cat >"$started" <<SCRIPT
#!/bin/sh
exec '$libraries/ld-linux-x86-64.so.2' --argv0 "\$0" --library-path '$libraries:$base/lib' '$python' "\$@"
SCRIPT
chmod +x "$started"
"$started" -c pass
echo "$started"
