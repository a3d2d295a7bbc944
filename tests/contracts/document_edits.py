"""Edits of operations, parameters, replies, reasons and manifests, each with what it means.

An edit takes the contract and yields the contracts that it can make of it, with the verdict.
"""

from collections.abc import Callable, Iterator
from typing import Any

from tests.contracts.places import Path, at, operations, parts, with_changed

I, A, B = "identical", "additive", "breaking"  # noqa: E741
Document = dict[str, Any]
Made = Iterator[Document]
MAKERS: dict[str, tuple[str, Callable[[Document], Made]]] = {}


def _members(name: str, verdict: str, where: str, change: Callable[[Any], Any]) -> None:
    """An edit of every part of a sort: `change` returns the new part, or None where unfit."""

    def make(document: Document) -> Made:
        for path in dict.fromkeys(_where(document, where)):
            changed = change(at(document, path))
            if changed is not None:
                yield with_changed(document, path, lambda _, new=changed: new)

    MAKERS[name] = (verdict, make)


def _where(document: Document, where: str) -> Iterator[Path]:
    if where == "document":
        yield ()
    elif where == "path":
        yield ("paths",)
    elif where == "reason":
        for reason, planes in document["x-refusals"].items():
            yield from (("x-refusals", reason, plane) for plane in planes)
    elif where == "manifest":
        yield from (("x-manifests", name) for name in document["x-manifests"])
    else:
        for operation in operations(document):
            if where == "operation":
                yield operation
            else:
                yield from (path for kind, path in parts(document, operation) if kind == where)


def _with(node: Document, **members: Any) -> Document:
    return {**node, **{name.replace("__", "-"): value for name, value in members.items()}}


def _drop(node: Document, *names: str) -> Document | None:
    if not set(names) <= set(node):
        return None
    return {key: value for key, value in node.items() if key not in names}


def _first_gone(node: Any) -> Any:
    return dict(list(node.items())[1:]) if isinstance(node, dict) else node[1:]


def _renamed(node: Document, rename: Callable[[str], str]) -> Document:
    return {rename(key): value for key, value in node.items()}


NEW = {"operationId": "brand.new", "x-roles": ["admin"], "responses": {"200": {"description": ""}}}
ROLES = {"worker", "operator", "admin"}
HEADER = {"X-Brand-New": {"schema": {"type": "string"}}}

_members("add-an-operation", A, "path", lambda n: _with(n, **{"/api/brand/new": {"get": NEW}}))
_members("remove-an-operation", B, "path", _first_gone)
_members("rename-a-path", B, "path", lambda n: _renamed(n, lambda k: k.replace("/api/w", "/api/v")))
_members("rename-an-operation", B, "operation", lambda n: _with(n, operationId="brand.new"))
_members("move-to-another-plane", B, "operation", lambda n: _with(n, x__plane="brand_new"))
_members(
    "select-the-namespace-otherwise",
    B,
    "operation",
    lambda n: _with(n, x__namespace="ignored" if n["x-namespace"] == "required" else "required"),
)
_members("call-it-otherwise", B, "operation", lambda n: _with(n, **{"x-control-operation": "new"}))
_members("explain-an-operation", I, "operation", lambda n: _with(n, summary="new", tags=["new"]))
_members("deprecate-an-operation", A, "operation", lambda n: _with(n, deprecated=True))
_members(
    "shut-a-role-out",
    B,
    "operation",
    lambda n: _with(n, x__roles=n["x-roles"][1:]) if len(n["x-roles"]) > 1 else None,
)
_members(
    "let-a-role-in",
    A,
    "operation",
    lambda n: (
        _with(n, x__roles=[*n["x-roles"], *sorted(ROLES - set(n["x-roles"]))[:1]])
        if 0 < len(n["x-roles"]) < len(ROLES)
        else None
    ),
)
_members(
    "let-everybody-in",
    A,
    "operation",
    lambda n: _with(n, x__roles=[], security=[]) if n["x-roles"] else None,
)
_members(
    "ask-everybody-for-a-role",
    B,
    "operation",
    lambda n: None if n["x-roles"] else _with(n, x__roles=["admin"]),
)
_members(
    "ask-more-for-the-version",
    B,
    "operation",
    lambda n: None if n["x-version"] == "required" else _with(n, x__version="required"),
)
_members(
    "ask-less-for-the-version",
    A,
    "operation",
    lambda n: None if n["x-version"] == "none" else _with(n, x__version="none"),
)
_members(
    "want-both-credentials",
    B,
    "operation",
    lambda n: _with(n, security=[{"bearer": [], "signature": []}]) if n["x-roles"] else None,
)
_members("take-one-credential-less", B, "document", lambda n: _with(n, security=[{"bearer": []}]))
_members(
    "take-one-credential-more",
    A,
    "document",
    lambda n: _with(n, security=[*n["security"], {"x": []}]),
)
_members(
    "list-credentials-in-another-order",
    I,
    "document",
    lambda n: _with(n, security=n["security"][::-1]),
)
_members(
    "authenticate-otherwise",
    B,
    "document",
    lambda n: with_changed(
        n, ("components", "securitySchemes", "signature", "name"), lambda _: "X-New"
    ),
)
_members("change-the-title", I, "document", lambda n: _with(n, info={"title": "New"}))
_members(
    "name-another-address", B, "document", lambda n: _with(n, servers=[{"url": "https://new"}])
)
_members(
    "name-one-more-address",
    A,
    "document",
    lambda n: _with(n, servers=[*n["servers"], {"url": "https://new"}]),
)
_members(
    "keep-what-nobody-reaches",
    I,
    "document",
    lambda n: with_changed(
        n, ("components", "schemas"), lambda s: {**s, "unused": {"type": "string"}}
    ),
)

ADDED = {"name": "brand_new", "in": "query", "schema": {"type": "string"}}


def _parameters(node: Document, *more: Document) -> Document:
    return _with(node, parameters=[*node.get("parameters", []), *more])


_members("add-a-parameter", A, "operation", lambda n: _parameters(n, ADDED))
_members(
    "add-a-required-parameter",
    B,
    "operation",
    lambda n: _parameters(n, {**ADDED, "required": True}),
)
_members(
    "remove-a-parameter",
    B,
    "operation",
    lambda n: _with(n, parameters=n["parameters"][1:]) if n.get("parameters") else None,
)
_members(
    "list-parameters-in-another-order",
    I,
    "operation",
    lambda n: _with(n, parameters=n["parameters"][::-1]) if n.get("parameters") else None,
)
_members(
    "require-a-parameter",
    B,
    "parameter",
    lambda n: None if n.get("required") else _with(n, required=True),
)
_members(
    "require-a-parameter-no-more",
    A,
    "parameter",
    lambda n: _drop(n, "required") if n.get("required") and n["in"] != "path" else None,
)
_members("rename-a-parameter", B, "parameter", lambda n: _with(n, name=f"{n['name']}-new"))
_members(
    "write-a-header-in-capitals",
    I,
    "parameter",
    lambda n: _with(n, name=n["name"].upper()) if n["in"] == "header" else None,
)
_members(
    "move-a-parameter",
    B,
    "parameter",
    lambda n: _with(n, **{"in": "cookie"}) if n["in"] == "query" else None,
)
_members("explain-a-parameter", I, "parameter", lambda n: _with(n, description="new"))
_members("deprecate-a-parameter", A, "parameter", lambda n: _with(n, deprecated=True))
_members("write-a-parameter-otherwise", B, "parameter", lambda n: _with(n, explode="new"))
_members(
    "say-how-a-parameter-is-written-anyway",
    I,
    "parameter",
    lambda n: _with(n, style="form", explode=True) if n["in"] == "query" else None,
)

_members(
    "want-the-body", B, "body", lambda n: None if n.get("required") else _with(n, required=True)
)
_members(
    "want-the-body-no-more",
    A,
    "body",
    lambda n: _drop(n, "required") if n.get("required") else None,
)
_members("explain-the-body", I, "body", lambda n: _with(n, description="new"))
_members("take-no-body", B, "operation", lambda n: _drop(n, "requestBody"))
_members(
    "take-a-body",
    A,
    "operation",
    lambda n: None if "requestBody" in n else _with(n, requestBody={"content": {"a/b": {}}}),
)
_members(
    "take-a-body-that-must-be-there",
    B,
    "operation",
    lambda n: (
        None
        if "requestBody" in n
        else _with(n, requestBody={"required": True, "content": {"a/b": {}}})
    ),
)
for _part, _name in (("body", "take"), ("response", "answer")):
    _members(
        f"{_name}-one-more-media-type",
        A,
        _part,
        lambda n: _with(n, content={**n["content"], "a/b": {}}) if n.get("content") else None,
    )
    _members(
        f"{_name}-another-media-type",
        B,
        _part,
        lambda n: _with(n, content={"a/b": {}}) if n.get("content") else None,
    )

_members("answer-no-body", B, "response", lambda n: _drop(n, "content"))
_members("explain-a-reply", I, "response", lambda n: _with(n, description="new"))
_members(
    "add-a-header",
    A,
    "response",
    lambda n: _with(n, headers={**n.get("headers", {}), **HEADER}),
)
_members(
    "remove-a-header",
    B,
    "response",
    lambda n: _with(n, headers=_first_gone(n["headers"])) if n.get("headers") else None,
)
_members(
    "write-a-reply-header-in-capitals",
    I,
    "response",
    lambda n: _with(n, headers=_renamed(n["headers"], str.upper)) if n.get("headers") else None,
)

_members(
    "name-one-more-way-to-go-on",
    A,
    "response",
    lambda n: _with(n, links={**n.get("links", {}), "New": {"operationId": "workflows.list"}}),
)
_members(
    "name-no-way-to-go-on",
    B,
    "response",
    lambda n: _with(n, links=_first_gone(n["links"])) if n.get("links") else None,
)
_members(
    "lead-elsewhere",
    B,
    "response",
    lambda n: (
        _with(n, links={key: {"operationId": "workflows.list"} for key in n["links"]})
        if n.get("links")
        else None
    ),
)


def _statuses(node: Document, *, gone: str = "", come: str = "") -> Document | None:
    answers = node["responses"]
    if come in answers or (gone and gone not in answers):
        return None
    kept = {status: held for status, held in answers.items() if status != gone}
    return _with(node, responses={**kept, **({come: {"description": ""}} if come else {})})


for _gone in ("200", "201", "404", "409", "422", "503"):
    _members(f"answer-no-{_gone}", B, "operation", lambda n, s=_gone: _statuses(n, gone=s))
for _come, _verdict in (("418", A), ("507", A), ("299", B), ("304", B)):
    _members(f"answer-{_come}", _verdict, "operation", lambda n, s=_come: _statuses(n, come=s))
_members("answer-another-status", B, "operation", lambda n: _statuses(n, gone="409", come="410"))

_members("give-another-status", B, "reason", lambda n: _with(n, status=n["status"] + 1))
_members("carry-the-text-elsewhere", B, "reason", lambda n: _with(n, text_key="brand_new"))
_members("carry-a-fact", A, "reason", lambda n: _with(n, fields=[*n["fields"], "brand_new"]))
_members(
    "carry-no-fact",
    B,
    "reason",
    lambda n: _with(n, fields=n["fields"][1:]) if n["fields"] else None,
)
_members("say-it-otherwise", I, "reason", lambda n: _with(n, message="new", remedy="new"))
_members(
    "say-when-to-come-back",
    A,
    "reason",
    lambda n: None if n["retry_after_seconds"] else _with(n, retry_after_seconds=3),
)
_members(
    "say-no-more-when-to-come-back",
    B,
    "reason",
    lambda n: _with(n, retry_after_seconds=None) if n["retry_after_seconds"] else None,
)
_members(
    "come-back-later",
    I,
    "reason",
    lambda n: _with(n, retry_after_seconds=99) if n["retry_after_seconds"] else None,
)
_members(
    "give-a-new-reason",
    A,
    "document",
    lambda n: _with(n, x__refusals={**n["x-refusals"], "brand_new": {}}),
)
_members(
    "give-a-reason-no-more",
    B,
    "document",
    lambda n: _with(n, x__refusals=_first_gone(n["x-refusals"])),
)
_members(
    "give-reasons-on-one-more-plane",
    A,
    "document",
    lambda n: _with(
        n,
        x__refusals={
            reason: {"brand_new": next(iter(planes.values())), **planes}
            for reason, planes in n["x-refusals"].items()
        },
    ),
)
_members(
    "give-reasons-on-one-plane-less",
    B,
    "document",
    lambda n: _with(
        n, x__refusals={reason: _first_gone(planes) for reason, planes in n["x-refusals"].items()}
    ),
)

_members("say-more-in-a-manifest", A, "manifest", lambda n: _with(n, brand_new=1))
_members("say-less-in-a-manifest", B, "manifest", _first_gone)
_members(
    "publish-one-more-manifest",
    A,
    "document",
    lambda n: _with(n, x__manifests={**n["x-manifests"], "brand_new": {}}),
)
_members(
    "publish-one-manifest-less",
    B,
    "document",
    lambda n: _with(n, x__manifests=_first_gone(n["x-manifests"])),
)


def _manifest(name: str, verdict: str, path: Path, change: Callable[[Any], Any]) -> None:
    whole = ("x-manifests", *path)
    _members(name, verdict, "document", lambda n: with_changed(n, whole, change))


_manifest("lower-a-limit", B, ("structural_limits", "pending_timer_count"), lambda v: v - 1)
_manifest("raise-a-limit", A, ("structural_limits", "pending_timer_count"), lambda v: v + 1)
_manifest("lose-a-capability", B, ("capabilities", "signals"), lambda v: False)
_manifest("gain-a-capability", A, ("capabilities",), lambda v: {**v, "one_more": True})
_manifest("lose-a-codec", B, ("capabilities", "payload_codecs"), lambda v: [])
_manifest("gain-a-codec", A, ("capabilities", "payload_codecs"), lambda v: [*v, "json"])
_manifest("list-codecs-again", I, ("capabilities", "response_compression"), lambda v: v[::-1])
_manifest("raise-a-minor-version", A, ("worker_protocol", "version"), lambda v: "1.99")
_manifest("lower-a-minor-version", B, ("worker_protocol", "version"), lambda v: "1.0")
_manifest("raise-a-major-version", B, ("worker_protocol", "version"), lambda v: "2.0")
_manifest("rename-the-header", B, ("worker_protocol", "header"), lambda v: "X-New")
_manifest(
    "count-a-schema-on",
    B,
    ("request_contract", "version"),
    lambda v: v + 1,
)
