"""The contract in its parts: which documents there are, and each of them."""

from collections.abc import Callable
from functools import cache
from threading import Thread

import orjson
from durable_contracts import catalogue, versions

from durable_server.call import Call, Reply
from durable_server.pending import Pending
from durable_server.refusal import Refusal

_PATH = "/api/contracts"
_known: dict[str, str] = {}


async def list(call: Call) -> Reply:
    """Every document by name, with its digest."""
    await _digested()
    return _answer(call, catalogue.whole_digest(), _listed)


async def read(call: Call, name: str) -> Reply:
    """One document."""
    digest = (await _digested()).get(name)
    if digest is None:
        raise Refusal("not_found", route=f"{_PATH[1:]}/{name}")
    return _answer(call, digest, lambda: orjson.dumps(catalogue.document(name)))


async def _digested() -> dict[str, str]:
    """The digest of every document by its name."""
    if not _known:
        # Half a second of work, once, for which other requests need not wait.
        pending = Pending()
        Thread(target=_digest, args=(pending,), name="digests", daemon=True).start()
        await pending
    return _known


def _digest(pending: Pending) -> None:
    try:
        _known.update({entry.name: entry.digest for entry in catalogue.entries()})
        pending.answer(True)
    except BaseException as error:
        pending.answer(error=error)


@cache
def _listed() -> bytes:
    documents = [
        {
            "name": entry.name,
            "kind": entry.kind,
            "digest": entry.digest,
            "etag": _tag(entry.digest),
            "href": f"{_PATH}/{entry.name}",
        }
        for entry in catalogue.entries()
    ]
    spoken = {"control": versions.CONTROL_VERSION, "worker": versions.WORKER_VERSION}
    digest = catalogue.whole_digest()
    return orjson.dumps({"digest": digest, "versions": spoken, "documents": documents})


def _answer(call: Call, digest: str, content: Callable[[], bytes]) -> Reply:
    tag = _tag(digest)
    known = call.credentials.headers.get(b"if-none-match", b"").decode("latin-1")
    # The reply may be compressed, so its tag is weak; weak and strong ones are compared alike.
    tags = {each.strip().removeprefix("W/") for each in known.split(",")}
    unchanged = "*" in tags or tag.removeprefix("W/") in tags
    body = b"" if unchanged else content()
    return Reply(304 if unchanged else 200, headers={"ETag": tag}, raw=(body, "application/json"))


def _tag(digest: str) -> str:
    return f'W/"{digest}"'
