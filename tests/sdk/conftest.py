"""Leaves the SDK programs out, loudly, as long as there is no server command for them."""

import importlib.util
import sys

SERVED = importlib.util.find_spec("durable_server.cli") is not None
collect_ignore = [] if SERVED else ["test_releases.py"]

if not SERVED:
    print("NOT TESTED: SDK programs; durable_server.cli is not there yet", file=sys.stderr)
