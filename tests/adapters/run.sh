#!/bin/sh
# Runs the tests of the adapters against the libraries themselves, each in an environment of its own: they do not agree
# on their requirements. Takes some 6 GB in the cache, most of it torch, and installs only what is not there yet.
#
#   sh tests/adapters/run.sh [lettucedetect | ragas | deepeval] ...
set -eu

cache="${XDG_CACHE_HOME:-$HOME/.cache}/groundwire/adapters"
[ $# -gt 0 ] || set -- lettucedetect ragas deepeval

for name in "$@"; do
    case $name in
    lettucedetect) wanted="lettucedetect==0.2.3 transformers==5.24.0 torch==2.15.0" tests=test_real_models.py ;;
    ragas) wanted="ragas==0.4.3 langchain-community<0.4 rapidfuzz" tests=test_real_ragas.py ;;
    deepeval) wanted="deepeval==4.3.1" tests=test_real_deepeval.py ;;
    *) echo "no adapter $name: lettucedetect, ragas, deepeval" >&2; exit 2 ;;
    esac
    home="$cache/$name"
    if [ "$(cat "$home/installed" 2>/dev/null)" != "$wanted" ]; then
        echo "installing $wanted into $home"
        "${PYTHON:-python3}" -m venv "$home"
        # shellcheck disable=SC2086 # one argument a requirement
        "$home/bin/python" -m pip --disable-pip-version-check install --quiet pytest pytest-asyncio $wanted
        echo "$wanted" >"$home/installed"
    fi
    "$home/bin/python" -m pip --disable-pip-version-check install --quiet --editable .
    # warnings of other people's libraries are no errors of ours
    "$home/bin/python" -m pytest -q -W default -p no:cacheprovider "tests/adapters/$tests" \
        tests/adapters/test_recorded.py tests/custom/test_documentation.py
done
