"""The server under test: its address, one credential per role, a namespace, what it advertises."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from durable_contracts import reading
from durable_contracts.defect import Defect
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from durable_conformance.library import schema

ROLES = ("worker", "operator", "admin", "legacy")
ANY_ROLE = "any"
_ENVIRONMENT = {
    "url": "DURABLE_CONFORMANCE_URL",
    "namespace": "DURABLE_CONFORMANCE_NAMESPACE",
    "auth": "DURABLE_CONFORMANCE_AUTH",
}
_ENVIRONMENT_CREDENTIALS = {
    ANY_ROLE: "DURABLE_CONFORMANCE_TOKEN",
    "worker": "DURABLE_CONFORMANCE_WORKER_TOKEN",
    "operator": "DURABLE_CONFORMANCE_OPERATOR_TOKEN",
    "admin": "DURABLE_CONFORMANCE_ADMIN_TOKEN",
    "legacy": "DURABLE_CONFORMANCE_LEGACY_TOKEN",
}


@dataclass(frozen=True)
class Target:
    """How to reach a server, and what it says it can do.

    `advertised` is its cluster info, empty until asked; `capabilities` are names that the caller
    vouches for, such as the settings of a build under stress.
    """

    url: str
    namespace: str = "default"
    auth: str = "token"
    credentials: Mapping[str, str] = field(default_factory=dict)
    capabilities: frozenset[str] = frozenset()
    worker_version: str = "1.0"
    advertised: Mapping[str, Any] = field(default_factory=dict)

    def credential(self, role: str) -> str | None:
        """The credential of a role: its own, else the one that stands for every role."""
        return self.credentials.get(role) or self.credentials.get(ANY_ROLE)

    def has_own_credential(self, role: str) -> bool:
        """Whether the role has a credential that no other role shares."""
        own = self.credentials.get(role)
        shared = [name for name, value in self.credentials.items() if value == own]
        return bool(own) and shared == [role]

    def secrets(self) -> list[str]:
        """Everything that may stand in no report."""
        return sorted({value for value in self.credentials.values() if value}, key=len)[::-1]

    def knowing(self, advertised: Mapping[str, Any]) -> "Target":
        """The same target once its cluster info is known."""
        return replace(self, advertised=advertised)

    def offers(self, name: str) -> bool:
        """Whether a capability is advertised, or vouched for by the caller."""
        worker = self.advertised.get("worker_protocol") or {}
        capabilities = worker.get("server_capabilities") or {}
        own = self.advertised.get("capabilities") or {}
        return name in self.capabilities or bool(own.get(name) or capabilities.get(name))

    def query_seconds(self) -> float | None:
        """How long a query waits for a worker, where that is advertised."""
        worker = self.advertised.get("worker_protocol") or {}
        stated = (worker.get("server_capabilities") or {}).get("query_task_timeouts") or {}
        seconds: float | None = stated.get("control_plane_timeout_seconds")
        return seconds

    def takes_command(self, name: str) -> bool:
        """Whether a command of workflow tasks is advertised."""
        worker = self.advertised.get("worker_protocol") or {}
        capabilities = worker.get("server_capabilities") or {}
        return name in (capabilities.get("supported_workflow_task_commands") or ())


def target_of(stated: Mapping[str, Any], file: Path | None = None) -> Target:
    """Put a target together: what the caller states, else the environment, else the file."""
    document = _from_file(file) if file else {}
    for name, variable in _ENVIRONMENT.items():
        if os.environ.get(variable):
            document[name] = os.environ[variable]
    credentials = dict(document.get("credentials", {}))
    for role, variable in _ENVIRONMENT_CREDENTIALS.items():
        if os.environ.get(variable):
            credentials[role] = os.environ[variable]
    credentials.update(stated.get("credentials", {}))
    document.update({name: value for name, value in stated.items() if value})
    if not document.get("url"):
        raise Defect("target", "no address: give --server, a target file, or its variable")
    if not str(document["url"]).startswith(("http://", "https://")):
        raise Defect("target", "the address starts with http:// or https://")
    return Target(
        url=str(document["url"]).rstrip("/"),
        namespace=document.get("namespace", "default"),
        auth=document.get("auth") or ("token" if credentials else "none"),
        credentials=credentials,
        capabilities=frozenset(document.get("capabilities", ())),
        worker_version=str(document.get("worker_version", "1.0")),
    )


def _from_file(file: Path) -> dict[str, Any]:
    document = reading.read(file)
    problem = best_match(Draft202012Validator(schema("target")).iter_errors(document))
    if problem is not None:
        raise Defect(f"{file}#{reading.pointer(*problem.absolute_path)}", problem.message)
    return dict(document)
