#!/bin/sh
# Builds Weaviate's server from its source into the cache (some minutes and 3 GB of Go modules); nothing where it is
# there already. Prints the path of the binary on its last line. Needs Go. The Go module proxy and the checksum database
# pin what is built.
set -eu

VERSION=1.39.0

cache=${GROUNDWIRE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/groundwire}
home=$cache/weaviate-$VERSION
if [ ! -x "$home/weaviate-server" ]; then
    if ! command -v go >/dev/null; then
        echo "weaviate: Go is needed to build its server" >&2
        exit 1
    fi
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/building-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM
    echo "weaviate: building $VERSION with $(go version | cut -d ' ' -f 3)" >&2
    GOBIN=$work go install "github.com/weaviate/weaviate/cmd/weaviate-server@v$VERSION" >&2
    mkdir -p "$home"
    mv "$work/weaviate-server" "$home/weaviate-server"
fi
echo "$home/weaviate-server"
