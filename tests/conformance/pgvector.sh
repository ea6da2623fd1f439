#!/bin/sh
# Builds pgvector out of its source, where no package of it is to be had; installs nothing. The tests use what it makes
# if GROUNDWIRE_PGVECTOR names its folder.
#
#   sh tests/conformance/pgvector.sh SOURCE HEADERS FOLDER
#
# SOURCE is a checkout of pgvector, HEADERS what `pg_config --includedir-server` names: the headers of the server.
set -eu

source="$1"
headers="$2"
mkdir -p "$3"
for file in "$source"/src/*.c; do
    gcc -O2 -fPIC -w -D_GNU_SOURCE -I"$headers" -I"$(pg_config --includedir)" -I"$source/src" \
        -c "$file" -o "$3/$(basename "$file" .c).o"
done
gcc -shared -o "$3/vector.so" "$3"/*.o -lm
rm "$3"/*.o
sed "s|MODULE_PATHNAME|$(cd "$3" && pwd)/vector|" "$source/sql/vector.sql" | sed '/^\\echo/d' >"$3/vector.sql"
