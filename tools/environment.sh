#!/bin/sh
# Make the virtual environment and install the locked dependencies and the project into it.
# Usage: environment.sh PYTHON FOLDER
set -eu
python=$1
folder=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 install" >&2
    exit 1
}

works() { "$folder/bin/python" -m pip --version >/dev/null 2>&1; }

make_environment() {
    "$python" -m venv "$folder" >/dev/null 2>&1 && works && return
    # Debian ships Python without ensurepip; an installed pip can serve another environment.
    rm -rf "$folder"
    "$python" -m venv --without-pip "$folder" &&
        "$python" -m pip --python "$folder/bin/python" install --quiet pip >/dev/null 2>&1 &&
        works && return
    rm -rf "$folder"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null
        "$python" -m venv "$folder" && works && return
    fi
    echo "$python cannot make a virtual environment; on Debian: apt install python3-venv" >&2
    exit 1
}

works || make_environment
echo "installing into $folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.lock
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e .
