"""Looking for runs within the time that one request may take."""

from collections.abc import Callable
from typing import Any

from durable_server.call import Call
from durable_server.refusal import Refusal
from durable_server.store.errors import StoreSlow


async def found_in_time(call: Call, query: Callable[..., Any], *arguments: Any) -> Any:
    """What `query(transaction, *arguments)` finds, all of one moment; refused where that takes too
    long.
    """
    limit = call.server.settings.visibility_query_timeout_milliseconds
    try:
        return await call.server.read(query, *arguments, snapshot=True, milliseconds_max=limit)
    except StoreSlow:
        raise Refusal("visibility_query_timeout", timeout_milliseconds=limit) from None
