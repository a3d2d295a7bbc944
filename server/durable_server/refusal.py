"""The one exception that is not a bug: a request that is not carried out.

After a refusal nothing has changed. The reason is a code of `contracts/refusals.yaml`, where the
status, the message template and the remedy live; the facts fill the template and the reply.
"""

from typing import Any


class Refusal(Exception):
    """A request is refused with a reason of the catalogue and the facts that explain it."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


def invalid(errors: dict[str, list[str]]) -> Refusal:
    """A `validation_failed` refusal; `errors` maps dotted field paths to texts."""
    return Refusal("validation_failed", errors=errors)
