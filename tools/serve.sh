#!/bin/sh
# Run the development server: without credentials it is open to everyone, and says so.
# Usage: serve.sh BIN ARGUMENTS...
set -eu
bin=$1
shift

if [ -f .env ]; then
    set -a
    . ./.env
    set +a
fi

# A credential or a driver in the environment is a decision of the caller's; without any, the
# driver `none` is chosen here and nowhere else, so that it cannot reach production by omission.
if ! env | grep -Eq '^(WORKFLOW_SERVER|DW)_(AUTH_DRIVER|([A-Z]+_)?(AUTH_TOKEN|TOKEN|SIGNATURE_KEY))=.'; then
    WORKFLOW_SERVER_AUTH_DRIVER=none
    export WORKFLOW_SERVER_AUTH_DRIVER
    echo "no credentials are set: everyone who reaches this port may do everything (development only)" >&2
fi
mkdir -p var
exec "$bin/durable-server" serve "$@"
