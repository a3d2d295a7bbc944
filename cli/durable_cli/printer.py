"""What a command prints: a reply as JSON, JSON lines or YAML for programs, or drawn for people."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from durable_cli.connection import Connection
from durable_cli.problem import Problem
from durable_cli.redact import redacted

if TYPE_CHECKING:
    from durable_cli.table import Column, Details

Body = dict[str, Any]
# The envelope of the control plane repeats what the body says beside it.
_ENVELOPE, _ENVELOPE_SCHEMA = "control_plane", "durable-workflow.v2.control-plane-response"


class Printer:
    """Prints replies in the format that the caller asked for."""

    def __init__(self, output: str, wide: bool = False, secrets: Sequence[str] = ()) -> None:
        self.output = output
        self.wide = wide
        self.secrets = secrets

    @classmethod
    def of(cls, connection: Connection) -> "Printer":
        """A printer for a connection."""
        return cls(connection.output, connection.wide, connection.secrets)

    @property
    def for_people(self) -> bool:
        """Whether tables and sentences are wanted."""
        return self.output == "table"

    def listed(
        self, body: Body, items: str, columns: Sequence["Column"], empty: str, more: str = ""
    ) -> None:
        """A reply that lists items below one of its members; `more` says how to go on."""
        if not self.for_people:
            self._data(body, items)
            return
        found = list(body.get(items) or [])
        if not found:
            self.say(empty)
            return
        from durable_cli.table import console_for, listed

        console = console_for(sys.stdout, self.wide)
        self._draw(listed(found, columns, console.width))
        if more:
            print(f"\n{more}", file=sys.stderr)

    def described(self, body: Body, details: Callable[[Body], "Details"]) -> None:
        """A reply that describes one thing."""
        if not self.for_people:
            self._data(body, None)
            return
        from durable_cli.table import described

        self._draw(described(details(body)))

    def done(self, body: Body, sentence: str, rows: Iterable[tuple[str, Any]] = ()) -> None:
        """A reply that says what was done: a sentence for people, with a few facts."""
        if not self.for_people:
            self._data(body, None)
            return
        from durable_cli.table import Details, described

        self._draw(described(Details(sentence, rows=list(rows))))

    def value(self, value: Any) -> None:
        """A bare value: text as it is, anything else as JSON or YAML."""
        if self.for_people and isinstance(value, str):
            print(value)
        elif self.output == "yaml":
            self._yaml(value)
        else:
            self._json(value, None if self.output == "jsonl" else 2)

    def line(self, body: Body, sentence: Callable[[Body], Any]) -> None:
        """One of many, at once: a line of its own in every format; YAML as a document."""
        if self.for_people:
            self._draw(sentence(body))
        elif self.output == "yaml":
            print("---")
            self._yaml(body)
        else:
            self._json(body, None)
        sys.stdout.flush()

    def say(self, sentence: str) -> None:
        """A sentence for people that is no result."""
        if self.for_people:
            print(sentence, file=sys.stderr)

    def draw(self, drawn: Any) -> None:
        """Something that is drawn already, for people."""
        self._draw(drawn)

    def problem(self, problem: Problem) -> None:
        """Why the command ends: on standard error, without any secret."""
        if self.for_people or self.output == "yaml":
            text = "\n".join(_told(problem))
        else:
            stated = {
                "message": problem.message,
                "exit_code": problem.code,
                "reason": problem.reason,
                "status_code": problem.status,
                "remedy": problem.remedy,
                "fields": [{"pointer": p, "message": m} for p, m in problem.fields],
                "request_id": problem.request_id,
                "body": problem.body,
            }
            kept = {name: value for name, value in stated.items() if value not in (None, [])}
            text = json.dumps({"error": kept}, ensure_ascii=False)
        print(redacted(text, self.secrets), file=sys.stderr)

    def _data(self, body: Body, items: str | None) -> None:
        told = {name: each for name, each in body.items() if not _is_envelope(name, each)}
        if self.output == "yaml":
            self._yaml(told)
        elif self.output == "jsonl" and items is not None:
            for item in told.get(items) or []:
                self._json(item, None)
        else:
            self._json(told, None if self.output == "jsonl" else 2)

    def _json(self, value: Any, indent: int | None) -> None:
        print(json.dumps(value, ensure_ascii=False, indent=indent))

    def _yaml(self, value: Any) -> None:
        import yaml

        yaml.safe_dump(value, sys.stdout, sort_keys=False, allow_unicode=True)

    def _draw(self, drawn: Any) -> None:
        from durable_cli.table import console_for

        console = console_for(sys.stdout, self.wide)
        with console.capture() as captured:
            console.print(drawn)
        # Cells are filled up to the width of their column; the last one needs not be.
        for line in captured.get().splitlines():
            print(line.rstrip())


def _is_envelope(name: str, value: Any) -> bool:
    # What the server says about itself has a member of this name, too.
    return name == _ENVELOPE and isinstance(value, dict) and value.get("schema") == _ENVELOPE_SCHEMA


def _told(problem: Problem) -> Iterable[str]:
    reason = f" ({problem.reason})" if problem.reason else ""
    yield f"error: {problem.message}{reason}"
    for pointer, message in problem.fields:
        yield f"  {pointer or '/'}: {message}"
    if problem.remedy:
        yield f"  remedy: {problem.remedy}"
    if problem.request_id and (problem.status or 0) >= 500:
        yield f"  request id: {problem.request_id}"
