"""The metrics of this server for whoever may scrape them."""

import threading

from durable_server.call import Call, Reply
from durable_server.pending import Pending
from durable_server.refusal import Refusal
from durable_server.telemetry.exposition import CONTENT_TYPE, Exposition

SCRAPES_MAX = 8
_slots = threading.BoundedSemaphore(SCRAPES_MAX)


async def read(call: Call) -> Reply:
    """The metrics, as text; where nobody may read them here, there is no such route."""
    if call.server.settings.metrics_access == "nobody":
        raise Refusal("not_found", route=call.route)
    pending = Pending()
    exposition: Exposition = call.server.facts["exposition"]
    if not _slots.acquire(blocking=False):
        raise Refusal("store_busy")

    def write() -> None:
        try:
            pending.answer(exposition.text())
        except BaseException as error:
            pending.answer(error=error)
        finally:
            _slots.release()

    # Asking the database and other processes takes its time, which others need not wait for.
    threading.Thread(target=write, name="scrape", daemon=True).start()
    return Reply(200, raw=(await pending, CONTENT_TYPE))
