#!/bin/sh
# A headless Chromium for the tests of the report, from the system's packages where there is none. Needs root for that.
set -eu

for name in "${GROUNDWIRE_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$name" ] && command -v "$name" >/dev/null 2>&1; then
        command -v "$name"
        exit 0
    fi
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "no Chromium was found: install one, or name it in GROUNDWIRE_CHROMIUM" >&2
    exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
command -v chromium
