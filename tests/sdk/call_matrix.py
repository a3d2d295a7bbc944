"""Which calls of each release's clients this server answers, as a document.

`python -m tests.sdk.call_matrix` asks every release what it offers and writes the document anew.
"""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.sdk.environments import python_for
from tests.sdk.fleet import PROGRAMS, environment
from tests.sdk.matrix import cells_of

RELEASES = ("0.4.106", "2.0.0", "2.3.9", "2.5.7", "2.9.1", "2.12.0")
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "sdk-calls.md"
DONE, REFUSED, ABSENT = "yes", "refused", "-"
# What workers call; the programs of all capabilities do.
WORKER_METHODS = (
    *("acknowledge_activity_cancellation", "activity_task_status"),
    *("approve_update_validation_task", "reject_update_validation_task"),
    *("cancellation_scope_boundary_on_claim", "open_cancellation_scope_on_claim"),
    *("create_worker_session", "renew_worker_session", "close_worker_session"),
    *("complete_activity_task", "fail_activity_task", "heartbeat_activity_task"),
    *("complete_query_task", "fail_query_task", "query_task_status"),
    *("complete_workflow_task", "fail_workflow_task", "heartbeat_workflow_task"),
    *("deliver_workflow_cancellation", "deregister_worker_registration", "heartbeat_worker"),
    *("poll_activity_task", "poll_query_task", "poll_update_validation_task"),
    *("poll_workflow_task", "poll_workflow_task_response", "workflow_task_history"),
    *("prepared_local_activity_operation", "register_worker", "renew_activity_task_lease"),
)
# What this server does not serve; decision 0020 says why.
LEFT_OUT = (
    *("start_activity", "list_activities", "describe_activity", "get_activity_result"),
    *("execute_nexus_operation", "request_workflow_cancellation", "request_cancellation"),
    *("redrive_workflow", "redrive", "append_workflow_stream", "close_workflow_stream"),
    *("describe_workflow_stream", "list_workflow_streams", "subscribe_workflow_stream"),
)
# Its methods bear the names of others that are served; all of them speak of such an activity.
LEFT_OUT_CLASSES = ("StandaloneActivityHandle", "sync.SyncStandaloneActivityHandle")
OPENING = """# Which calls of the Python SDK's clients are answered

<!-- Derived by `python -m tests.sdk.call_matrix`; `tests/sdk/test_controls.py` calls them all. -->

Every public method of the clients and handles of six releases, against this server on SQLite and
on PostgreSQL. `refused` says that the server does not serve it: the call raises at once, and
nothing has changed; [decision 0020](../decisions/0020-optional-capabilities-that-are-left-out.md)
says why. A dash says that the release has no such method. What workers call is in
[what every release does here](sdk.md).

"""


def offered(release: str) -> list[str]:
    """Every method that clients of a release may call, asked of its own environment."""
    asked = subprocess.run(
        [str(python_for(release)), str(PROGRAMS / "calling.py")],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return clients_own(json.loads(asked.stdout))


def clients_own(methods: list[str]) -> list[str]:
    """The methods that are not a worker's."""
    return [each for each in methods if each.rpartition(".")[2] not in WORKER_METHODS]


def left_out(method: str) -> bool:
    """Whether the server does not serve what a method asks for."""
    kind, _, name = method.rpartition(".")
    return name in LEFT_OUT or kind in LEFT_OUT_CLASSES


def text(offers: dict[str, list[str]]) -> str:
    """The document for what the releases offer."""
    lines = [f"| call | {' | '.join(offers)} |", "|---" * (len(offers) + 1) + "|"]
    for method in dict.fromkeys(each for methods in offers.values() for each in methods):
        shown = REFUSED if left_out(method) else DONE
        cells = [shown if method in methods else ABSENT for methods in offers.values()]
        lines.append(f"| `{method}` | {' | '.join(cells)} |")
    return OPENING + "\n".join(lines) + "\n"


def column(release: str) -> dict[str, str]:
    """What the committed document says about a release, by method."""
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    place = cells_of(lines[0]).index(release)
    rows = [cells_of(line) for line in lines[1:]]
    return {row[0].strip("`"): row[place] for row in rows if row[place] != ABSENT}


def main() -> None:
    """Ask all releases and write the document."""
    with ThreadPoolExecutor() as pool:
        offers = dict(zip(RELEASES, pool.map(offered, RELEASES), strict=True))
    DOCUMENT.write_text(text(offers))


if __name__ == "__main__":
    main()
