"""Every command of `dw` once: its words, and what its reply says to programs and to people."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.cli.world import ANSWERED, World

Words = Callable[[World, Path], list[str]]


@dataclass(frozen=True)
class Case:
    """A command with its words; a member of its reply, and what a person reads."""

    command: str
    words: Words
    member: str
    shows: str
    code: int = 0


def none(world: World, folder: Path) -> list[str]:
    """No words."""
    return []


def always(*words: str) -> Words:
    """These words."""
    return lambda world, folder: list(words)


def run(make: str, *words: str) -> Words:
    """The id of a workflow that the world makes so, and these words."""
    return lambda world, folder: [getattr(world, make)()["workflow_id"], *words]


def answering(*words: str) -> Words:
    """The id of a workflow whose worker answers, and these words."""
    return lambda world, folder: [world.open(ANSWERED)["workflow_id"], *words]


def scheduled(*words: str) -> Words:
    """The id of a schedule, and these words."""
    return lambda world, folder: [world.schedule(), *words]


def paused(world: World, folder: Path) -> list[str]:
    """The id of a schedule that is paused."""
    named = world.schedule()
    world.post(f"/schedules/{named}/pause")
    return [named]


def worked(*words: str) -> Words:
    """The name of a queue for which a worker of build b1 works, and these words."""

    def of(world: World, folder: Path) -> list[str]:
        queue = world.name("queue")
        world.worker(queue, "b1")
        return [queue, *words]

    return of


def of_worker(world: World, folder: Path) -> list[str]:
    """The id of a worker."""
    return [world.worker(world.name("queue"))]


def named(what: str, *words: str) -> Words:
    """A new name, and these words."""
    return lambda world, folder: [world.name(what), *words]


def space(*words: str) -> Words:
    """The name of a namespace, and these words."""

    def of(world: World, folder: Path) -> list[str]:
        name = world.name("space")
        world.post("/namespaces", {"name": name})
        return [name, *words]

    return of


def attribute(world: World, folder: Path) -> list[str]:
    """The name of a search attribute."""
    name = world.name("colour").replace("-", "_")
    world.post("/search-attributes", {"name": name, "type": "keyword"})
    return [name]


def many(*words: str) -> Words:
    """Words, and a query that fits one open run."""

    def of(world: World, folder: Path) -> list[str]:
        return [*words, "--query", f"WorkflowId = '{world.open()['workflow_id']}'"]

    return of


def bulk(world: World, folder: Path) -> list[str]:
    """The id of a bulk operation that is so slow that it runs for long."""
    for _ in range(3):
        world.open("slow")
    query = "TaskQueue = 'slow'"
    wanted = {"operation": "signal", "query": query, "requests_per_second": 1, "signal_name": "s"}
    return [world.post("/bulk-operations", wanted)["operation_id"]]


def stuck(world: World, folder: Path) -> list[str]:
    """The id of a run."""
    return ["--run-id", world.open()["run_id"]]


def export_all(world: World, folder: Path) -> list[str]:
    """A folder, and a query for one run."""
    return [str(folder / "all"), "--query", f"WorkflowId = '{world.closed()['workflow_id']}'"]


def importable(world: World, folder: Path) -> list[str]:
    """A bundle of a run that is here already; importing it again changes nothing."""
    return [str(world.exported(folder)), "--namespace", _empty(world)]


def event(world: World, folder: Path) -> list[str]:
    """An event that starts a workflow."""
    target = f'{{"workflow_type": "t", "workflow_id": "{world.name("bridged")}"}}'
    key = ["--idempotency-key", world.name("event")]
    return ["shop", "--action", "start_workflow", *key, "--target", target]


def profile(world: World, folder: Path) -> list[str]:
    """The name of a profile that exists."""
    (folder / "config.yaml").write_text("profiles: {here: {server: 'http://127.0.0.1:1'}}")
    return ["here"]


def _empty(world: World) -> str:
    name = world.name("space")
    world.post("/namespaces", {"name": name})
    return name


def listed(make: Words) -> Words:
    """No words, after something was made that a list can show."""
    return lambda world, folder: make(world, folder)[:0]


def named_attribute(world: World, folder: Path) -> list[str]:
    """A name that a search attribute can have, and a type."""
    return [world.name("size").replace("-", "_"), "int"]


def stored(world: World, folder: Path) -> list[str]:
    """A namespace that keeps large payloads in a folder."""
    name = _empty(world)
    world.put(f"/namespaces/{name}/external-storage", {"driver": "local"})
    return ["--namespace", name]


CRON = ("--cron", "0 9 * * *")
SPAN = ("--start-time", "2026-01-01T00:00:00Z", "--end-time", "2026-01-02T00:00:00Z")
WORKFLOWS = [
    Case("workflow start", always("--type", "t", "-i", "[1]"), "run_id", "Started workflow"),
    Case("workflow signal-with-start", named("w", "go", "--type", "t"), "run_id", "Signalled go"),
    Case("workflow list", listed(run("open")), "workflows", "WORKFLOW ID"),
    Case("workflow count", always("--group-by", "Status"), "count", "runs"),
    Case("workflow describe", run("closed"), "is_terminal", "terminated"),
    Case("workflow runs", run("open"), "runs", "RUN ID"),
    Case("workflow signal", run("open", "go", "-i", "[1]"), "outcome", "Signalled go"),
    Case("workflow query", answering("how"), "result", '"answer": "how"'),
    Case("workflow update", answering("change"), "update_id", "made it"),
    Case("workflow message", run("open", "letters", "-i", "[1]"), "position", "message_appended"),
    Case("workflow wait", run("closed"), "status", "terminated", code=1),
    Case("workflow result", run("completed"), "", "done"),
    Case("workflow cancel", run("open", "--reason", "enough"), "outcome", "Cancelled open-"),
    Case("workflow terminate", run("open"), "outcome", "Terminated open-"),
    Case("workflow repair", run("open"), "outcome", "open-"),
    Case("workflow archive", run("closed"), "outcome", "Archived open-"),
    Case("workflow history", run("closed"), "events", "WorkflowTerminated"),
    Case("workflow debug", run("open"), "findings", "Start a worker that polls task queue nobody"),
    Case("history show", run("closed"), "events", "WorkflowStarted"),
    Case("history export-all", export_all, "exported", "Exported 1 of 1 runs"),
    Case("history verify", lambda w, f: [str(w.exported(f))], "valid", "whole and unchanged"),
    Case("history import", importable, "outcome", "Imported"),
    Case("debug workflow", run("open"), "diagnostic_status", "pending_work"),
]
OTHERS = [
    Case("schedule list", listed(scheduled()), "schedules", "SCHEDULE ID"),
    Case("schedule create", always(*CRON, "--workflow-type", "t"), "schedule_id", "Created"),
    Case("schedule describe", scheduled(), "next_fire", "Next occurrences"),
    Case("schedule update", scheduled("--note", "n"), "schedule_id", "Updated schedule"),
    Case("schedule pause", scheduled("--note", "n"), "schedule_id", "Paused schedule"),
    Case("schedule resume", paused, "schedule_id", "Resumed schedule"),
    Case("schedule trigger", scheduled(), "outcome", "triggered"),
    Case("schedule backfill", scheduled(*SPAN), "results", "OCCURRENCE"),
    Case("schedule history", scheduled(), "events", "ScheduleCreated"),
    Case("schedule preview", always(*CRON, "--count", "2"), "fire_times", "FIRES"),
    Case("schedule delete", scheduled(), "schedule_id", "Deleted schedule"),
    Case("task-queue list", listed(worked()), "task_queues", "BACKLOG"),
    Case("task-queue describe", worked(), "stats", "active workers"),
    Case("task-queue build-ids", worked(), "build_ids", "ROLLOUT"),
    Case("task-queue drain", worked("--build-id", "b1"), "drain_intent", "draining"),
    Case("task-queue resume", worked("--build-id", "b1"), "drain_intent", "active"),
    Case("task-queue promote", worked("--build-id", "b1"), "build_id", "b1"),
    Case("worker list", listed(of_worker), "workers", "WORKER ID"),
    Case("worker describe", of_worker, "worker_id", "worker-of-"),
    Case("worker deregister", of_worker, "worker_id", "Deregistered worker"),
    Case("search-attribute list", none, "system_attributes", "WorkflowType"),
    Case("search-attribute create", named_attribute, "name", "of type int"),
    Case("search-attribute delete", attribute, "name", "Deleted search attribute"),
    Case("bulk cancel", many("--dry-run"), "matched", "Would cancel 1 runs"),
    Case("bulk terminate", many("--wait"), "progress", "completed"),
    Case("bulk signal", many("go", "--wait"), "progress", "completed"),
    Case("bulk list", listed(bulk), "bulk_operations", "OPERATION ID"),
    Case("bulk describe", bulk, "operation_id", "signal"),
    Case("bulk stop", bulk, "operation_id", "signal"),
    Case("bridge webhook", event, "accepted", "accepted"),
    Case("system repair-status", none, "policy", "Repair"),
    Case("system repair-pass", stuck, "selected_total_candidates", "Repaired"),
    Case("system activity-timeout-status", none, "expired_count", "Activity timeouts"),
    Case("system activity-timeout-pass", none, "enforced", "Enforced activity timeouts"),
    Case("system retention-status", none, "retention_days", "Retention"),
    Case("system retention-pass", none, "pruned", "Pruned"),
    Case("system metrics", none, "metrics", "failed task count"),
    Case("system operator-metrics", none, "operator_metrics", "oldest pending start at"),
    Case("server health", none, "status", "serving"),
    Case("server info", none, "control_plane", "worker protocol"),
    Case("server contracts", none, "documents", "workflows.start.request"),
    Case("server doctor", none, "findings", "the server answers and serves"),
    Case("namespace list", none, "namespaces", "NAME"),
    Case("namespace create", named("space", "--retention", "3"), "name", "3 days"),
    Case("namespace describe", space(), "name", "keeps closed runs"),
    Case("namespace update", space("--description", "d"), "description", "Updated namespace"),
    Case("namespace delete", space("--yes"), "deleted", "Deleting namespace"),
    Case("namespace set-storage-driver", space("local"), "name", "keeps large payloads in local"),
    Case("namespace test-storage", stored, "status", "passed"),
    Case("profile list", listed(profile), "profiles", "here"),
    Case("profile show", profile, "server", "http://127.0.0.1:1"),
    Case("profile set", always("here", "--namespace", "n"), "name", "Kept profile here"),
    Case("profile use", profile, "current", "Using profile here"),
    Case("profile delete", profile, "outcome", "Deleted profile here"),
]
