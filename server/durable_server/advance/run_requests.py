"""Clients' requests that close, mend or mark a run, as intents; see `intents`."""

from dataclasses import dataclass

from durable_server.advance.intents import Intent, Needs
from durable_server.engine import archive, cancel, repair
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.decision import Decision, Moment
from durable_server.engine.run_state import Run, RunState

_DECIDE = {
    "cancel": cancel.stop,
    "terminate": cancel.stop,
    "repair": repair.repair,
    "archive": archive.archive,
}


@dataclass(slots=True, kw_only=True)
class ChangeRun(Intent):
    """Cancel, terminate, repair or archive the current run of a workflow."""

    request: ClientRequest

    def __post_init__(self) -> None:
        assert self.namespace is not None
        self.workflow_key = (self.namespace, self.request.workflow_id)
        self.stops_run = self.request.kind in ("cancel", "terminate")

    def needs(self, run: Run, moment: Moment) -> Needs:
        """All open work: it ends with the run, or is looked through for what is missing."""
        return Needs(open_work=self.request.kind != "archive")

    def decide(self, state: RunState | None, moment: Moment) -> Decision:
        """See `cancel.stop`, `repair.repair` and `archive.archive`."""
        return _DECIDE[self.request.kind](state, moment, self.request)
