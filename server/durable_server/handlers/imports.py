"""Histories of other servers, taken in for reading."""

from typing import Any

from durable_server.call import Call, Reply
from durable_server.refusal import Refusal
from durable_server.store import imports as stored
from durable_server.store.errors import StoreConflict
from durable_server.views.imports import read


async def history_export(call: Call, body: dict[str, Any]) -> Reply:
    """Keep the run that an export bundle tells of; the same bundle again changes nothing."""
    server = call.server
    secret = server.settings.history_export_signing_key.get_secret_value()
    now = server.clock.now()
    found = await server.read(lambda tx: read(body, call.namespace, secret, now))
    run, document = found.run, (found.checksum, found.document)
    try:
        fresh = await server.lanes.write(
            lambda tx: stored.insert_run(tx, run, found.details, found.events, document)
        )
    except StoreConflict:
        raise Refusal("import_conflict", workflow_id=run.workflow_id, run_id=run.run_id) from None
    answer = {
        "outcome": "imported" if fresh else "already_imported",
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "namespace": call.namespace,
        "checksum": found.checksum,
        "signature": found.signature,
        "event_count": len(found.events),
    }
    return Reply(201 if fresh else 200, answer)
