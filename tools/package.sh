#!/bin/sh
# Put a wheel of the server, and the versions it was tested with, into a folder.
# Usage: package.sh PYTHON SOURCE REF FOLDER
#   SOURCE  a folder with the sources, the URL of a Git repository, or `pypi`
#   REF     a branch, tag or commit of the repository, or a version; empty means the newest
set -eu
python=$1
source=$2
ref=$3
folder=$4
mkdir -p "$folder"

build() {
    "$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$folder" "$1"
    cp "$1/requirements.lock" "$folder/requirements.lock"
}

case $source in
pypi)
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$folder" \
        "durable-workflow-server${ref:+==$ref}"
    : >"$folder/requirements.lock"
    ;;
*://* | *.git)
    checkout=$(mktemp -d)
    trap 'rm -rf "$checkout"' EXIT
    git clone --quiet "$source" "$checkout"
    [ -z "$ref" ] || git -C "$checkout" checkout --quiet "$ref"
    build "$checkout"
    ;;
*)
    build "$source"
    ;;
esac
