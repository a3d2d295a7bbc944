"""A finding: one place at which a request or an answer breaks the contract."""

from dataclasses import dataclass

CLIENT = "client"
SERVER = "server"
_TEXT_MAX = 300


@dataclass(frozen=True)
class Finding:
    """One broken promise.

    `pointer` is a JSON pointer into the request (`method`, `path`, `query`, `headers`, `body`) or
    the answer (`status`, `headers`, `body`); `rule` names what was broken, `clause` the sentence of
    the protocol that says so.
    """

    side: str
    operation: str | None
    rule: str
    pointer: str
    message: str
    clause: str

    @property
    def sort(self) -> tuple[str, str | None, str, str]:
        """What makes two findings the same sort: all but the places in lists and the values."""
        return (self.side, self.operation, self.rule, _without_numbers(self.pointer))


def shortened(text: str) -> str:
    """A text that fits into a report."""
    return text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"


def _without_numbers(text: str) -> str:
    return "/".join("*" if part.isdecimal() else part for part in text.split("/"))
