"""Lists that come in pages, as one list."""

from dataclasses import dataclass
from typing import Any

from durable_cli.session import Body, Session

PAGE_SIZE_MAX = 200


@dataclass(frozen=True)
class Listing:
    """A list of an operation: the member that holds the items, and how many are wanted."""

    operation: str
    items: str
    limit: int | None
    token: str | None = None
    page_size_max: int = PAGE_SIZE_MAX


def gathered(session: Session, listing: Listing, query: Body, **path: Any) -> Body:
    """The last page's body, holding the items of all pages up to the limit.

    Its next_page_token is null when nothing follows.
    """
    found: list[Any] = []
    token, body = listing.token, Body()
    with session.progress(f"Reading {listing.items}") as progress:
        while True:
            wanted = listing.page_size_max
            if listing.limit is not None:
                wanted = min(wanted, listing.limit - len(found))
            asked = {**query, "page_size": wanted, "next_page_token": token}
            body = session.call(listing.operation, query=asked, **path)
            found += body[listing.items]
            progress.at(len(found), listing.limit)
            token = body.get("next_page_token")
            if not token or (listing.limit is not None and len(found) >= listing.limit):
                return {**body, listing.items: found}


def onward(body: Body, items: str) -> str:
    """What to say below a list that goes on; nothing below one that does not."""
    token = body.get("next_page_token")
    if not token:
        return ""
    return f"{len(body[items])} shown, there are more: --all, --limit, or --page-token {token}"
