#!/bin/sh
# Every check that needs no service: format, lint, types, layers, sizes, derived files.
# Usage: check.sh BIN "SOURCES"; runs all of them and fails at the end, naming the failed.
set -u
bin=$1
sources=$2
failed=""

step() {
    name=$1
    shift
    echo "check: $name"
    "$@" || failed="$failed $name"
}

# The list holds folder names without spaces; splitting them is meant.
# shellcheck disable=SC2086
step format "$bin/ruff" format --check --quiet $sources
# shellcheck disable=SC2086
step lint "$bin/ruff" check --quiet $sources
step types "$bin/mypy" server contracts conformance
step contracts "$bin/durable-contracts" check
step documents "$bin/python" -m tools.documents check
step repository "$bin/python" -m pytest tests/repo

if [ -n "$failed" ]; then
    echo "check failed:$failed" >&2
    exit 1
fi
echo "check: all clean"
