#!/bin/sh
# Installs Jaeger for the tests into the cache, outside the checkout; does nothing where it is there already.
# Prints the path of the binary on its last line. Needs Go, unless a `jaeger` is on PATH.
#
# Jaeger is built from source through the Go module proxy, whose checksums go.sum and the checksum database pin:
# first a commit of Jaeger 2.20, whose UI has the GenAI view; where the proxy does not have that commit, the newest
# tagged module. That tag carries a `replace` directive, so `go install` refuses it and it is built from a copy.
set -eu

COMMIT=798e4b0fcf22609e381df764a01461affd813e1e # Jaeger 2.20
TAG=v1.76.0                                     # Jaeger 2.13: v1 and v2 were tagged together
MODULE=github.com/jaegertracing/jaeger

cache=${GROUNDWIRE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/groundwire}
by_commit=$cache/jaeger-$(printf %.12s "$COMMIT")
by_tag=$cache/jaeger-${TAG#v}

say() { echo "jaeger: $*" >&2; }

for found in "$by_commit/jaeger" "$by_tag/jaeger" "$(command -v jaeger || true)"; do
    if [ -n "$found" ] && [ -x "$found" ]; then
        say "already installed"
        echo "$found"
        exit 0
    fi
done

if ! command -v go >/dev/null; then
    say "neither 'jaeger' nor 'go' is on PATH: install one of them"
    exit 1
fi

# In the cache, not in /tmp: the finished binary is moved into place in one step, so it must be on the same disk.
mkdir -p "$cache"
work=$(mktemp -d "$cache/building-XXXXXX")
trap 'chmod -R u+w "$work" && rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

say "installing $MODULE/cmd/jaeger at $COMMIT with $(go version | cut -d ' ' -f 3)"
if GOBIN=$work/bin GOFLAGS=-trimpath go install "$MODULE/cmd/jaeger@$COMMIT" >"$work/log" 2>&1; then
    target=$by_commit
else
    say "not to be had: $(head -n 1 "$work/log")"
    say "building $TAG from source instead (some minutes on two cores)"
    target=$by_tag
    source=$(cd "$work" && go mod download -json "$MODULE@$TAG" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",*$/\1/p')
    if [ ! -d "$source" ]; then
        say "the module $MODULE@$TAG could not be downloaded"
        exit 1
    fi
    cp -R "$source" "$work/source"
    chmod -R u+w "$work/source"
    (cd "$work/source" && go build -trimpath -o "$work/bin/jaeger" ./cmd/jaeger)
fi

mkdir -p "$target"
mv "$work/bin/jaeger" "$target/jaeger"
say "installed"
echo "$target/jaeger"
