"""Message streams: numbered input that workflow code reads at its own pace."""

from typing import Any

from durable_server import payloads
from durable_server.advance.signal_intents import AppendMessage
from durable_server.attribution import command_of
from durable_server.call import Call, Reply
from durable_server.client_input import check_name, plain_input
from durable_server.engine.client_request import ClientRequest
from durable_server.engine.message_streams import Append
from durable_server.ids import shard_of


async def append(call: Call, body: dict[str, Any], workflow_id: str, stream_name: str) -> Reply:
    """Append a message to a stream of the current run, once for each message id."""
    check_name("stream", stream_name)
    wanted = Append(
        ClientRequest("signal", workflow_id, None, None, command_of(call, body)),
        stream_name,
        body["message_id"],
        plain_input(body.get("input")) or payloads.EMPTY_ARGUMENTS,
        call.trace_of(body),
    )
    shard = shard_of(call.namespace, workflow_id)
    intent = AppendMessage(shard=shard, namespace=call.namespace, wanted=wanted)
    return Reply(202, await call.server.lanes.put(intent))
