"""What this suite is: its version, and the contract that it holds others to."""

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from durable_contracts import locate

_DISTRIBUTIONS = ("durable-conformance", "durable-workflow-server")


@cache
def suite_version() -> str:
    """The version of the installed suite."""
    for name in _DISTRIBUTIONS:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"


@cache
def contract_digests() -> dict[str, str]:
    """The SHA-256 of each manifest, whatever its spacing."""
    found = {}
    for path in sorted(locate.tree().manifests.glob("*.json")):
        content = json.dumps(json.loads(path.read_bytes()), sort_keys=True).encode()
        found[path.stem] = hashlib.sha256(content).hexdigest()
    return found
