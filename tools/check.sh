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
step types "$bin/mypy" --strict server/durable_server/engine server/durable_server/advance server/durable_server/views contracts/durable_contracts
step contracts "$bin/durable-contracts" check

if [ -n "$failed" ]; then
    echo "check failed:$failed" >&2
    exit 1
fi
echo "check: all clean"
