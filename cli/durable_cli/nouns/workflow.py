"""`dw workflow`: everything about workflows and their runs."""

from durable_cli.command import noun
from durable_cli.nouns import (
    workflow_ends,
    workflow_history,
    workflow_reads,
    workflow_requests,
    workflow_start,
    workflow_waits,
)

app = noun(
    workflow_start.app,
    workflow_reads.app,
    workflow_requests.app,
    workflow_waits.app,
    workflow_ends.app,
    workflow_history.app,
)
