"""The published contract, and a page that shows it without any other server."""

from functools import cache
from pathlib import Path

import orjson
import swagger_ui
from durable_contracts import bundle

from durable_server.call import Call, Reply
from durable_server.refusal import Refusal

_ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Durable Workflow Server</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/assets/swagger-ui.css"></head>
<body><div id="page"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true})</script>
</body></html>
"""


@cache
def _json() -> bytes:
    return orjson.dumps(bundle.published())


@cache
def _yaml() -> bytes:
    return bundle.published_yaml().encode()


@cache
def _asset(name: str) -> bytes:
    return (Path(swagger_ui.__file__).parent / "static" / name).read_bytes()


async def openapi_json(call: Call) -> Reply:
    """The published document as JSON."""
    return Reply(200, raw=(_json(), "application/json"))


async def openapi_yaml(call: Call) -> Reply:
    """The published document as YAML."""
    return Reply(200, raw=(_yaml(), "application/yaml"))


async def docs(call: Call) -> Reply:
    """The page."""
    return Reply(200, raw=(_PAGE.encode(), "text/html; charset=utf-8"))


async def asset(call: Call, name: str) -> Reply:
    """A script or style of the page."""
    if name not in _ASSETS:
        raise Refusal("not_found", route=f"api/docs/assets/{name}")
    return Reply(200, raw=(_asset(name), _ASSETS[name]))
