"""The plan of every operation, built once at start, and the router that finds it."""

import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from durable_contracts import bundle, versions
from durable_contracts.bundle import Operation

from durable_server.call import Reply
from durable_server.http.bind import BodyRule, QueryRule
from durable_server.refusal import Refusal

Handler = Callable[..., Any]


def _as_usual(refusal: Refusal, ids: dict[str, str]) -> Reply | None:
    return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done for one operation.

    `refused` may give refusals a shape of the operation's own: the function of this name that
    stands beside the handler.
    """

    operation: Operation
    handler: Handler
    body: BodyRule | None
    query: QueryRule
    compiled: bool = True
    refused: Callable[[Refusal, dict[str, str]], Reply | None] = _as_usual


@dataclass(slots=True)
class Node:
    """One segment of the tree of paths."""

    fixed: dict[str, "Node"] = field(default_factory=dict)
    named: "Node | None" = None
    plans: dict[str, tuple[Plan, tuple[str, ...]]] = field(default_factory=dict)


class Route(NamedTuple):
    """Where a request goes; `plan` is None when the path or the method leads nowhere."""

    plane: str
    path: str
    plan: Plan | None
    ids: dict[str, str]
    allowed: tuple[str, ...]
    advertised: str | None


def find_handler(operation_id: str) -> Handler:
    """The function of `durable_server.handlers` that carries out an operation."""
    stem, _, name = operation_id.partition(".")
    handler: Handler = getattr(import_module(f"durable_server.handlers.{stem}"), name)
    assert inspect.iscoroutinefunction(handler), operation_id
    return handler


class Router:
    """Finds the plan for a method and a path as it stands in the request line."""

    def __init__(
        self,
        handler_of: Callable[[str], Handler] = find_handler,
        operations: Iterable[Operation] | None = None,
        compiled: Callable[[Operation], bool] = lambda operation: True,
    ) -> None:
        self._root = Node()
        self._direct: dict[tuple[str, bytes], Route] = {}
        self._around: dict[tuple[str, bytes, bytes], tuple[Plan, str]] = {}
        for operation in bundle.operations() if operations is None else operations:
            rule = BodyRule(operation) if operation.request_schema is not None else None
            handler = handler_of(operation.operation_id)
            query = QueryRule(operation)
            refused = getattr(sys.modules[handler.__module__], "refused", _as_usual)
            self._add(Plan(operation, handler, rule, query, compiled(operation), refused))

    def _add(self, plan: Plan) -> None:
        node, names = self._root, []
        for segment in plan.operation.path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.named = node.named or Node()
                node = node.named
            else:
                node = node.fixed.setdefault(segment, Node())
        operation = plan.operation
        node.plans[operation.method] = (plan, tuple(names))
        # Most requests go to paths without ids or with one before the last segment; these are found
        # without taking the path apart.
        before, _, rest = operation.path.partition("/{")
        if rest.count("/") == 1 and rest.count("}") == 1:
            key = (operation.method, before.encode(), rest.rpartition("/")[2].encode())
            self._around[key] = (plan, names[0])
        if not names:
            route = Route(operation.plane, operation.path.strip("/"), plan, {}, (), None)
            self._direct[operation.method, operation.path.encode()] = route

    def find(self, method: str, raw_path: bytes) -> Route:
        """Where a request goes; every segment is percent-decoded once."""
        direct = self._direct.get((method, raw_path))
        if direct is not None:
            return direct
        if b"%" not in raw_path:
            head, _, tail = raw_path.rpartition(b"/")
            before, _, one = head.rpartition(b"/")
            found = self._around.get((method, before, tail))
            if found is not None and one and one.isascii():
                plan, name = found
                path = raw_path[1:].decode()
                return Route(plan.operation.plane, path, plan, {name: one.decode()}, (), None)
        return self._find(method, raw_path)

    def _find(self, method: str, raw_path: bytes) -> Route:
        try:
            segments = _segments(raw_path)
        except UnicodeDecodeError:
            return Route("public", raw_path.decode("latin-1"), None, {}, (), None)
        if len(segments) > 1 and segments[-1] == "":
            segments.pop()
        advertised = None
        if segments[0] == "protocol" and len(segments) > 2:
            advertised = segments[1]
            segments = segments[2:]
            if advertised not in versions.ADDRESSED_VERSIONS:
                return Route("public", raw_path.decode("latin-1"), None, {}, (), None)
        path = "/".join(segments)
        node, values = self._walk(self._root, segments, 0, [])
        if node is None or not node.plans:
            return Route(_plane_of(segments), path, None, {}, (), advertised)
        asked = "GET" if method == "HEAD" else method
        if asked not in node.plans:
            plane = next(iter(node.plans.values()))[0].operation.plane
            return Route(plane, path, None, {}, _allowed(node), advertised)
        plan, names = node.plans[asked]
        ids = dict(zip(names, values, strict=True))
        return Route(plan.operation.plane, path, plan, ids, (), advertised)

    def _walk(
        self, node: Node, segments: list[str], position: int, values: list[str]
    ) -> tuple[Node | None, list[str]]:
        if position == len(segments):
            return node, values
        segment = segments[position]
        below = node.fixed.get(segment)
        if below is not None:
            found, held = self._walk(below, segments, position + 1, values)
            if found is not None and found.plans:
                return found, held
        if node.named is not None and segment:
            return self._walk(node.named, segments, position + 1, [*values, segment])
        return None, values


def _segments(raw_path: bytes) -> list[str]:
    if b"%" not in raw_path:
        return raw_path.decode().split("/")[1:]
    return [unquote_to_bytes(part).decode() for part in raw_path.split(b"/")[1:]]


def _allowed(node: Node) -> tuple[str, ...]:
    methods = set(node.plans) | ({"HEAD"} if "GET" in node.plans else set())
    return tuple(sorted(methods))


def _plane_of(segments: list[str]) -> str:
    if segments[:2] == ["api", "worker"]:
        return "worker"
    return "control" if segments[0] == "api" else "public"
