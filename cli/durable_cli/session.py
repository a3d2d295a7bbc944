"""What every command works with: the connection, the client when it is needed, and the printer."""

from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from durable_cli.connection import Connection
from durable_cli.printer import Printer
from durable_cli.progress import Progress, showing

if TYPE_CHECKING:
    from durable_cli.client import Client, Reply

Body = dict[str, Any]


class Session:
    """One command's way to its server; nothing is opened before it is needed."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.printer = Printer.of(connection)

    @cached_property
    def client(self) -> "Client":
        """The HTTP client."""
        from durable_cli.client import Client

        return Client(self.connection)

    def reply(
        self,
        operation: str,
        *,
        query: Body | None = None,
        body: Body | None = None,
        wait_seconds: float = 0.0,
        **path: str,
    ) -> "Reply":
        """The whole reply of an operation; the rest of the names fill its path."""
        from durable_cli.client import Request

        return self.client.send(Request(operation, path, query or {}, body, wait_seconds))

    def call(
        self,
        operation: str,
        *,
        query: Body | None = None,
        body: Body | None = None,
        wait_seconds: float = 0.0,
        **path: str,
    ) -> Body:
        """The body of an operation's reply."""
        return self.reply(operation, query=query, body=body, wait_seconds=wait_seconds, **path).body

    def progress(self, text: str) -> AbstractContextManager[Progress]:
        """How far long work is, while a block runs."""
        return showing(self.connection, text)

    def close(self) -> None:
        """Close what was opened."""
        if "client" in self.__dict__:
            self.client.close()


def stated(**fields: Any) -> Body:
    """A body of the fields that were given: None means that nothing was said."""
    return {name: value for name, value in fields.items() if value is not None}
