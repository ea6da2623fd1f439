#!/bin/sh
# Runs the conformance tests of SDKs that do not go with what the other tests install, each in an environment of its
# own in the cache. The dependency group of that name says what is installed.
#
#   sh tests/conformance/apart.sh together ...
set -eu

cache="${XDG_CACHE_HOME:-$HOME/.cache}/groundwire/conformance"
for name in "$@"; do
    home="$cache/$name"
    [ -d "$home" ] || "${PYTHON:-python3}" -m venv "$home"
    "$home/bin/python" -m pip --disable-pip-version-check install --quiet --upgrade 'pip>=25.1'
    "$home/bin/python" -m pip --disable-pip-version-check install --quiet --upgrade --editable . --group "$name"
    "$home/bin/python" -m pytest -q -p no:cacheprovider tests/conformance -k "$name"
done
