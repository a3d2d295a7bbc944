"""What happens between the workers of an SDK and the judge: deliveries, reports, answers."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from durable_conformance.sdk.adversity import Adversity

FIRST_PAGE = 1
LEASE_SECONDS = 60
_ID_OF = {"workflow": "task_id", "activity": "task_id", "query": "query_task_id"}
ATTEMPT_OF = {"workflow": "workflow_task_attempt", "query": "query_task_attempt"}
Report = tuple[str, dict[str, Any]]


@dataclass
class Delivery:
    """A task on its way to a worker and back. `reports`: (verb, body) of each report on it."""

    kind: str
    type_name: str
    task_id: str
    task: dict[str, Any]
    adversity: Adversity
    attempt: int = 0
    owner: str = ""
    taken: bool = False
    reports: list[Report] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pages_read: int = 0
    times: dict[str, str] = field(default_factory=dict)

    def lease(self, owner: str) -> None:
        """A worker takes the task."""
        self.taken, self.owner = True, owner
        self.attempt += 1
        self.times = {"lease_expires_at": instant(LEASE_SECONDS)}
        if self.kind == "query":
            self.times["query_deadline_at"] = self.times["lease_expires_at"]
            self.times["query_admitted_at"] = instant(0)

    def shown(self) -> dict[str, Any]:
        """The task as this lease of it shows it."""
        lease: dict[str, Any] = {_ID_OF[self.kind]: self.task_id, "lease_owner": self.owner}
        lease |= self.times
        if self.kind == "query":
            lease["server_time"] = instant(0)
        if self.kind in ATTEMPT_OF:
            lease[ATTEMPT_OF[self.kind]] = self.attempt
        shown = {**self.task, **lease}
        if self.adversity is Adversity.PAGES and self.kind == "workflow":
            shown["history_events"] = shown["history_events"][:FIRST_PAGE]
            shown["next_history_page_token"] = self.token_after(FIRST_PAGE)
        if self.adversity is Adversity.SKEW:
            shown["member_of_a_later_version"] = {"anything": [1]}
        return shown

    def token_after(self, shown: int) -> str | None:
        """The token of the page that follows so many events."""
        return f"after-{shown}" if shown < len(self.task["history_events"]) else None


def instant(seconds: float) -> str:
    """A moment so many seconds from now, as answers tell it."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Court:
    """Hands deliveries to workers that know their type, and collects the reports on them."""

    def __init__(self) -> None:
        self.workers: dict[str, dict[str, Any]] = {}
        self.protocol_versions: dict[str, str] = {}
        self.problems: list[str] = []
        self._changed = threading.Condition()
        self._deliveries: dict[str, Delivery] = {}
        self._closed = False

    def register(self, worker_id: str, registration: dict[str, Any], version: str) -> None:
        """A worker has said what it can do, in this version of the protocol."""
        with self._changed:
            self.workers[worker_id] = registration
            self.protocol_versions[worker_id] = version
            self._changed.notify_all()

    def knows(self, kind: str, type_name: str) -> bool:
        """Whether a registered worker has this type."""
        with self._changed:
            return any(_has(each, kind, type_name) for each in self.workers.values())

    def codec(self) -> str:
        """What the registered workers read: early versions of the protocol speak JSON."""
        with self._changed:
            versions = set(self.protocol_versions.values())
        return "json" if versions & {"1.0", "1.1"} else "avro"

    def wait_for_worker(self, seconds: float) -> bool:
        """Whether a worker registers in time."""
        with self._changed:
            return self._changed.wait_for(lambda: bool(self.workers), seconds)

    def offer(self, delivery: Delivery) -> None:
        """Put a task on its queue, again or for the first time."""
        with self._changed:
            delivery.taken = False
            self._deliveries[delivery.task_id] = delivery
            self._changed.notify_all()

    def wait_for_report(self, delivery: Delivery, count: int, seconds: float) -> bool:
        """Whether so many reports on a task come in time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(delivery.reports) >= count, seconds)

    def take(self, kind: str, worker_id: str, seconds: float) -> Delivery | None:
        """The next task for a worker, leased to it; None when none comes in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._closed:
                registration = self.workers.get(worker_id, {})
                for each in self._deliveries.values():
                    fits = each.kind == kind and _has(registration, kind, each.type_name)
                    if fits and not each.taken:
                        each.lease(worker_id)
                        return each
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return None
            return None

    def find(self, task_id: str) -> Delivery | None:
        """The delivery of this task."""
        with self._changed:
            return self._deliveries.get(task_id)

    def tasks(self) -> list[dict[str, Any]]:
        """Every task that was handed out, as its last lease showed it, with its whole history."""
        with self._changed:
            found = [each for each in self._deliveries.values() if each.attempt]
            whole = [replace(each, adversity=Adversity.NONE) for each in found]
        return [each.shown() for each in whole]

    def report(self, delivery: Delivery, verb: str, body: dict[str, Any]) -> int:
        """Take a report on a task in; gives how many there are now."""
        with self._changed:
            delivery.reports.append((verb, body))
            self._changed.notify_all()
            return len(delivery.reports)

    def close(self) -> None:
        """Every poll that waits is answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _has(registration: dict[str, Any], kind: str, type_name: str) -> bool:
    listed = "supported_activity_types" if kind == "activity" else "supported_workflow_types"
    return type_name in (registration.get(listed) or ())
