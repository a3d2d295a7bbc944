"""Which documented answers were reached, and why others cannot be."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from durable_conformance.contract import operations

# No call from outside brings a healthy server to answer these.
UNREACHABLE = {
    429: "only with more parked polls than the server accepts",
    500: "only where the server fails",
    503: "only where the server or its database is busy, stopping or down",
}
_DAMAGED = "only where a part of the database is damaged"
# Nor to these, as it is usually set up.
UNREACHABLE_HERE = {
    ("metrics.read", 404): "only where the metrics have a port of their own",
    ("namespaces.delete", 202): "only where so much is in a namespace that it takes longer",
    ("storage.try_out", 200): "only where the server's settings allow a storage",
    ("system.activity_timeouts_pass", 207): _DAMAGED,
    ("system.repair_pass", 207): _DAMAGED,
    ("system.retention_pass", 207): _DAMAGED,
}


def why_not(operation_id: str, status: int) -> str | None:
    """Why no call from outside brings a server to answer this; None where one can."""
    return UNREACHABLE_HERE.get((operation_id, status)) or UNREACHABLE.get(status)


@dataclass
class Coverage:
    """How often each operation answered with each status."""

    reached: Counter[tuple[str, int]] = field(default_factory=Counter)

    def note(self, operation_id: str, status: int) -> None:
        """Count an answer."""
        self.reached[operation_id, status] += 1

    def undocumented(self) -> list[tuple[str, int]]:
        """Answers that the contract does not have."""
        return sorted(
            (name, status)
            for name, status in self.reached
            if status not in operations()[name].responses
        )

    def missing(self) -> list[tuple[str, int]]:
        """Documented answers that were not reached, and that a caller could reach."""
        return [
            (name, status)
            for name, operation in operations().items()
            for status in operation.responses
            if why_not(name, status) is None and not self.reached[name, status]
        ]

    def document(self) -> dict[str, Any]:
        """All of it, by operation."""
        missing, undocumented = self.missing(), self.undocumented()
        return {
            name: {
                "method": operation.method,
                "path": operation.path,
                "reached": {
                    str(status): self.reached[name, status]
                    for status in sorted(operation.responses)
                    if self.reached[name, status]
                },
                "not_reached": sorted(own for each, own in missing if each == name),
                "unreachable": {
                    str(status): why
                    for status in sorted(operation.responses)
                    if (why := why_not(name, status)) and not self.reached[name, status]
                },
                "undocumented": [own for each, own in undocumented if each == name],
            }
            for name, operation in operations().items()
        }

    def text(self) -> str:
        """A line for each operation: the statuses that were reached, then those that were not."""
        wide = max(len(name) for name in operations())
        lines = []
        for name, found in self.document().items():
            missing = " ".join(str(status) for status in found["not_reached"])
            lines.append(
                f"{name:{wide}}  {' '.join(found['reached'])}"
                + (f"   not reached: {missing}" if missing else "")
            )
        return "\n".join(lines)
