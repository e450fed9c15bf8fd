#!/usr/bin/env bash
# newer-glibc.sh [3.11]: prints the path of a Python that can run TFX 1.21. If the glibc of this machine is too old, the path
# is a script that starts the machine's Python with the libc of Debian 13. It changes nothing outside of .venvs.
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
    echo "TFX 1.21 needs glibc 2.39, and this machine has an older one. To fetch a newer one from Debian $suite, it needs" \
        "apt-get and $keyring. Or use a machine with a newer glibc, such as Debian 13 or Ubuntu 24.04." >&2
    exit 1
fi

echo "Fetching the libc of Debian $suite into $place (16 MB)." >&2
rm -rf "$place"
mkdir -p "$place"/{bin,apt/lists/partial,apt/cache/archives/partial,apt/packages}
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | { grep -v security || true; } | head -n 1)
if [ -z "$mirror" ]; then
    echo "apt has no Debian mirror from which to fetch the libc of $suite: see apt-get indextargets." >&2
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

# A virtual environment finds its standard library next to the Python that created it.
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
