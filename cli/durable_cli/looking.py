"""Reading runs: the current one, or the one that is named."""

from durable_cli.session import Body, Session


def run(session: Session, workflow_id: str, run_id: str | None) -> Body:
    """The description of a run; of the current one when none is named."""
    if run_id is None:
        return session.call("workflows.describe", workflow_id=workflow_id)
    return session.call("workflows.describe_run", workflow_id=workflow_id, run_id=run_id)


def run_id_of(session: Session, workflow_id: str, run_id: str | None) -> str:
    """The id of a run; of the current one when none is named."""
    return run_id or str(run(session, workflow_id, None)["run_id"])
