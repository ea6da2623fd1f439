#!/bin/sh
# Installs Phoenix for the tests into the cache, in an environment of its own; does nothing where it is there already.
# Prints the path of the program on its last line. Phoenix is under the Elastic License 2.0: it is run, never shipped.
set -eu

VERSION=20.26.1

cache=${GROUNDWIRE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/groundwire}
target=$cache/phoenix-$VERSION

if [ -x "$target/bin/phoenix" ]; then
    echo "phoenix: already installed" >&2
else
    echo "phoenix: installing arize-phoenix $VERSION (some 850 MB)" >&2
    mkdir -p "$cache"
    rm -rf "$target"
    "${PYTHON:-python3}" -m venv "$target"
    trap 'rm -rf "$target"' EXIT
    "$target/bin/python" -m pip install --quiet --disable-pip-version-check "arize-phoenix==$VERSION"
    trap - EXIT
fi
echo "$target/bin/phoenix"
