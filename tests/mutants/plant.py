"""Plant a mutant in this process, before anything of the server is imported."""

import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from types import CodeType
from typing import Any

import orjson

from tests.mutants.mutant import Edit, Mutant, Rewrite


def plant(mutant: Mutant) -> None:
    """From now on this process has the defect."""
    if any(name.startswith("durable_server.") for name in sys.modules):
        raise RuntimeError("the server was imported before its defect was planted")
    if mutant.code is not None:
        sys.meta_path.insert(0, _Finder(mutant.code))
    if mutant.answer is not None:
        _rewrite_answers(mutant.answer)


class _Finder:
    """Finds one module, and gives it another text."""

    def __init__(self, edit: Edit) -> None:
        self._edit = edit

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The specification of the changed module; None for every other."""
        if name != self._edit.name:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        assert found is not None and found.origin is not None
        loader = _Loader(name, found.origin)
        loader.edit = self._edit
        return importlib.util.spec_from_file_location(
            name,
            found.origin,
            loader=loader,
            submodule_search_locations=found.submodule_search_locations,
        )


class _Loader(importlib.machinery.SourceFileLoader):
    edit: Edit

    def get_code(self, fullname: str) -> CodeType:
        """The changed text, compiled; nothing is cached."""
        code: CodeType = compile(self.edit.text(), self.path, "exec")
        return code


def _rewrite_answers(rewrite: Rewrite) -> None:
    from durable_server.http.edge import Answer, Edge, Request

    honest: Callable[[Edge, Request, Any], Answer] = Edge.reply

    def reply(edge: Edge, request: Request, given: Any) -> Answer:
        plan = request.route.plan if request.route else None
        operation = plan.operation.operation_id if plan else "none"
        if not fnmatchcase(operation, rewrite.operation):
            return honest(edge, request, given)
        if rewrite.of_body:
            request.headers.pop(b"accept-encoding", None)
        answer = honest(edge, request, given)
        if rewrite.when is None or rewrite.when == answer.status:
            change(rewrite, answer)
        return answer

    setattr(Edge, "reply", reply)  # noqa: B010


def change(rewrite: Rewrite, answer: Any) -> None:
    """Change an answer on its way out."""
    answer.status = rewrite.status or answer.status
    changed = {name.lower().encode() for name in rewrite.headers}
    headers = [(name, value) for name, value in answer.headers if name.lower() not in changed]
    for name, value in rewrite.headers.items():
        if value is not None:
            headers.append((name.lower().encode(), value.encode()))
    if rewrite.of_body:
        body = orjson.loads(answer.body)
        _change_body(rewrite, body)
        answer.body = orjson.dumps(body)
        headers = [(name, value) for name, value in headers if name != b"content-length"]
        headers.append((b"content-length", str(len(answer.body)).encode()))
    answer.headers = headers


def _change_body(rewrite: Rewrite, body: Any) -> None:
    for path in rewrite.drop:
        for holder, name in _places(body, path.split(".")):
            del holder[name]
    for path, value in rewrite.put.items():
        *holders, last = path.split(".")
        for holder in _values(body, holders):
            if isinstance(holder, dict):
                holder[last] = value
    orders: tuple[tuple[str | None, Callable[[list[Any]], list[Any]]], ...] = (
        (rewrite.reverse, lambda items: items[::-1]),
        (rewrite.shorten, lambda items: items[:-1]),
        (rewrite.double, lambda items: [*items[:1], *items]),
    )
    for of, order in orders:
        for holder, name in _places(body, of.split(".")) if of else ():
            holder[name] = order(holder[name])


def _places(value: Any, path: list[str]) -> Iterator[tuple[dict[str, Any], str]]:
    for holder in _values(value, path[:-1]):
        if isinstance(holder, dict) and path[-1] in holder:
            yield holder, path[-1]


def _values(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0] == "*" and isinstance(value, list):
        for item in value:
            yield from _values(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _values(value[path[0]], path[1:])
