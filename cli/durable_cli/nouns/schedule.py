"""`dw schedule`: workflows that are started again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from durable_cli import given, schedule_views
from durable_cli.command import command, noun
from durable_cli.options import All, Limit, Payload, starting
from durable_cli.pages import Listing, gathered, onward
from durable_cli.problem import USAGE, Problem
from durable_cli.session import Body, Session, stated

app = noun()
ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE_ID", help="Schedule id.")]
Note = Annotated[str | None, typer.Option("--note", help="A remark for people.")]
_BACKFILL_SECONDS = 300.0


def _policies(word: str) -> list[str]:
    return starting(
        word, "skip", "buffer_one", "buffer_all", "cancel_other", "terminate_other", "allow_all"
    )


Overlap = Annotated[
    str | None,
    typer.Option(
        "--overlap-policy",
        help="While the last one runs: skip, buffer_one, …",
        autocompletion=_policies,
    ),
]


@dataclass(frozen=True, kw_only=True)
class Times:
    """When a schedule fires."""

    cron: Annotated[
        list[str] | None, typer.Option("--cron", "-c", help="Cron expression; may be repeated.")
    ] = None
    interval: Annotated[
        list[str] | None,
        typer.Option("--interval", help="ISO 8601 duration, as PT15M or PT1H/PT5M with an offset."),
    ] = None
    calendar: Annotated[
        list[str] | None, typer.Option("--calendar", help='As in \'{"hour": "9"}\'.')
    ] = None
    timezone: Annotated[str | None, typer.Option(help="As Europe/Berlin; UTC when absent.")] = None
    start_at: Annotated[str | None, typer.Option(help="Not before this instant.")] = None
    end_at: Annotated[str | None, typer.Option(help="Not after this instant.")] = None

    def spec(self) -> Body | None:
        """The spec; None when nothing of it was given."""
        intervals = [
            stated(every=every, offset=offset or None)
            for every, _, offset in (each.partition("/") for each in self.interval or [])
        ]
        calendars = [given.object_of(each, "--calendar") for each in self.calendar or []]
        spec = stated(
            cron_expressions=self.cron or None,
            intervals=intervals or None,
            calendars=calendars or None,
            timezone=self.timezone,
            start_at=self.start_at,
            end_at=self.end_at,
        )
        return spec or None


@dataclass(frozen=True, kw_only=True)
class Kept(Times, Payload):
    """What a schedule says besides its id."""

    workflow_type: Annotated[
        str | None, typer.Option("--workflow-type", "--type", "-t", help="What it starts.")
    ] = None
    task_queue: Annotated[str | None, typer.Option("--task-queue", "-q", help="Task queue.")] = None
    execution_timeout: Annotated[
        int | None, typer.Option(help="Seconds that all runs of a workflow may take.")
    ] = None
    run_timeout: Annotated[int | None, typer.Option(help="Seconds that a run may take.")] = None
    overlap_policy: Overlap = None
    jitter: Annotated[int | None, typer.Option(help="Seconds that a firing may be late.")] = None
    catch_up: Annotated[
        int | None, typer.Option(help="Seconds to make up for what was missed.")
    ] = None
    max_runs: Annotated[int | None, typer.Option(help="So many starts, and no more.")] = None
    memo: Annotated[str | None, typer.Option(help="Memo: a JSON object, or @file.")] = None
    search_attr: Annotated[
        list[str] | None,
        typer.Option("--search-attr", help="Search attribute NAME=VALUE; may be repeated."),
    ] = None
    note: Note = None

    def body(self) -> Body:
        """The body of the request, without what was not given."""
        action = stated(
            workflow_type=self.workflow_type,
            task_queue=self.task_queue,
            input=self.arguments(),
            execution_timeout_seconds=self.execution_timeout,
            run_timeout_seconds=self.run_timeout,
        )
        return stated(
            spec=self.spec(),
            action=action or None,
            overlap_policy=self.overlap_policy,
            jitter_seconds=self.jitter,
            catch_up_window_seconds=self.catch_up,
            max_runs=self.max_runs,
            memo=given.object_of(self.memo, "--memo"),
            search_attributes=given.pairs_of(self.search_attr, "--search-attr"),
            note=self.note,
        )


@command(app, "list", aliases=("ls",))
def list_schedules(
    session: Session,
    status: Annotated[str | None, typer.Option(help="active or paused.")] = None,
    workflow_type: Annotated[
        str | None, typer.Option("--workflow-type", "--type", "-t", help="What they start.")
    ] = None,
    query: Annotated[str | None, typer.Option(help="""As `TaskQueue = "q"`.""")] = None,
    limit: Limit = 50,
    everything: All = False,
) -> None:
    """List schedules, the newest first."""
    listing = Listing("schedules.list", "schedules", None if everything else limit)
    asked = stated(status=status, workflow_type=workflow_type, query=query)
    body = gathered(session, listing, asked)
    session.printer.listed(
        body, "schedules", schedule_views.SCHEDULES, "No schedules.", onward(body, "schedules")
    )


@command(app, "create")
def create(
    session: Session,
    kept: Kept,
    schedule_id: Annotated[
        str | None, typer.Option("--schedule-id", "--id", help="Made up when absent.")
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="It begins paused.")] = False,
) -> None:
    """Create a schedule, from --cron, --interval or --calendar, and --workflow-type."""
    body = kept.body() | stated(schedule_id=schedule_id, paused=paused or None)
    reply = session.call("schedules.create", body={"spec": {}, "action": {}, **body})
    session.printer.done(reply, f"Created schedule {reply['schedule_id']}")


@command(app, "describe", aliases=("show",))
def describe(session: Session, schedule_id: ScheduleId) -> None:
    """Describe a schedule: what it starts, when it fires next, what came of it."""
    body = session.call("schedules.describe", schedule_id=schedule_id)
    session.printer.described(body, schedule_views.details)


@command(app, "update")
def update(session: Session, schedule_id: ScheduleId, kept: Kept) -> None:
    """Change what is given; everything else stays. A new time replaces all times."""
    body = kept.body()
    if not body:
        raise Problem("Nothing was said that could change.", USAGE, remedy="dw schedule update -h")
    reply = session.call("schedules.update", body=body, schedule_id=schedule_id)
    session.printer.done(reply, f"Updated schedule {schedule_id}")


@command(app, "delete", aliases=("rm",))
def delete(session: Session, schedule_id: ScheduleId) -> None:
    """Delete a schedule; its history stays, and so do the workflows that it started."""
    reply = session.call("schedules.delete", schedule_id=schedule_id)
    session.printer.done(reply, f"Deleted schedule {schedule_id}")


@command(app, "pause")
def pause(session: Session, schedule_id: ScheduleId, note: Note = None) -> None:
    """Have a schedule start nothing until it is resumed."""
    reply = session.call("schedules.pause", body=stated(note=note), schedule_id=schedule_id)
    session.printer.done(reply, f"Paused schedule {schedule_id}")


@command(app, "resume")
def resume(session: Session, schedule_id: ScheduleId, note: Note = None) -> None:
    """Let a paused schedule go on from now."""
    reply = session.call("schedules.resume", body=stated(note=note), schedule_id=schedule_id)
    session.printer.done(reply, f"Resumed schedule {schedule_id}")


@command(app, "trigger")
def trigger(session: Session, schedule_id: ScheduleId, overlap_policy: Overlap = None) -> int:
    """Fire a schedule now. Exit status: 1 when it starts nothing."""
    body = stated(overlap_policy=overlap_policy)
    reply = session.call("schedules.trigger", body=body, schedule_id=schedule_id)
    facts = [
        (name.replace("_", " "), reply.get(name))
        for name in ("workflow_id", "run_id", "reason", "buffer_depth")
    ]
    session.printer.done(reply, f"Schedule {schedule_id}: {reply['outcome']}", facts)
    return 0 if reply["outcome"] in ("triggered", "buffered") else 1


@command(app, "backfill")
def backfill(
    session: Session,
    schedule_id: ScheduleId,
    start_time: Annotated[str, typer.Option(help="First instant, ISO 8601.")],
    end_time: Annotated[str, typer.Option(help="The instant before which it ends.")],
    overlap_policy: Overlap = None,
) -> None:
    """Fire a schedule for every occurrence of a span of time that is over."""
    body = stated(start_time=start_time, end_time=end_time, overlap_policy=overlap_policy)
    with session.progress(f"Filling up {schedule_id}"):
        reply = session.call(
            "schedules.backfill", body=body, wait_seconds=_BACKFILL_SECONDS, schedule_id=schedule_id
        )
    columns: Sequence[Any] = schedule_views.OCCURRENCES
    session.printer.listed(reply, "results", columns, "No occurrences in that span.")


@command(app, "history")
def history(
    session: Session,
    schedule_id: ScheduleId,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=500, help="So many.")] = 100,
    after_sequence: Annotated[
        int | None, typer.Option(min=0, help="Only what came after this number.")
    ] = None,
) -> None:
    """Show what happened to a schedule, also to one that is deleted."""
    asked = stated(limit=limit, after_sequence=after_sequence)
    body = session.call("schedules.history", query=asked, schedule_id=schedule_id)
    more = f"There is more: --after-sequence {body['next_cursor']}" if body["has_more"] else ""
    session.printer.listed(body, "events", schedule_views.EVENTS, "Nothing happened.", more)


@command(app, "preview")
def preview(
    session: Session,
    times: Times,
    after: Annotated[str | None, typer.Option(help="Only after this instant.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many occurrences.")] = 10,
) -> None:
    """Show when a schedule with these times would fire, without creating it."""
    body = stated(spec=times.spec() or {}, after=after, count=count)
    reply = session.call("schedules.preview", body=body)
    session.printer.listed(reply, "fire_times", schedule_views.FIRES, "It never fires.")
