#!/bin/sh
# Every check that needs no service: format, lint, types, the contract and its derived files.
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
step types "$bin/mypy" --no-incremental server/durable_server contracts/durable_contracts conformance/durable_conformance cli/durable_cli tools
step contracts "$bin/durable-contracts" check
step documents "$bin/python" tools/documents.py --check
step layers "$bin/python" -m pytest -q -p no:cacheprovider tests/repo

if [ -n "$failed" ]; then
    echo "check failed:$failed" >&2
    exit 1
fi
echo "check: all clean"
