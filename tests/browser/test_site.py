"""The built site in a real browser: search finds pages, the API page renders, nothing leaves."""

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from durable_contracts import bundle

from tests.browser.test_docs_page import FLAGS, browser
from tests.repo.sources import ROOT

__all__ = ["browser"]
TOLD_SECONDS_MAX = 90
# Looks into a page until what is waited for is there, and tells what it sees.
WATCHER = """<!doctype html><iframe id="page" width="1200" height="900"></iframe><script>
const asked = new URLSearchParams(location.search), frame = document.getElementById("page");
frame.src = asked.get("page");
const look = setInterval(() => {
  const inside = frame.contentDocument;
  const found = [...(inside ? inside.querySelectorAll(asked.get("find")) : [])];
  if (found.length < Number(asked.get("least"))) return;
  clearInterval(look);
  const loaded = frame.contentWindow.performance.getEntriesByType("resource").map(e => e.name);
  const texts = found.map(e => e.href || e.textContent);
  const told = {texts, loaded, whole: inside.body.innerText};
  fetch("/told", {method: "POST", body: JSON.stringify(told)});
}, 100);
</script>"""


class Pages(SimpleHTTPRequestHandler):
    """Serves the site and the watcher; keeps what the watcher tells."""

    def do_GET(self) -> None:
        if not self.path.startswith("/watcher.html"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(WATCHER.encode())

    def do_POST(self) -> None:
        told = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.told.put(json.loads(told))  # type: ignore[attr-defined]

    def log_message(self, *_: Any) -> None:
        """Nothing: the requests are not what is tested."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadingHTTPServer]:
    target = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "tools/build_site.py", str(target)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=str(target)))
    server.told = queue.Queue()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def _seen(
    browser: str, site: ThreadingHTTPServer, profile: Path, asked: dict[str, str]
) -> dict[str, Any]:
    """What the watcher sees of a page, in a browser that reaches nothing but this machine."""
    flags = [flag for flag in FLAGS if not flag.startswith("--virtual-time")]
    address = f"http://127.0.0.1:{site.server_port}/watcher.html?{urlencode(asked)}"
    command = [browser, *flags, f"--user-data-dir={profile}", "--remote-debugging-port=0", address]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        told: dict[str, Any] = site.told.get(timeout=TOLD_SECONDS_MAX)  # type: ignore[attr-defined]
    finally:
        started.kill()
        started.wait()
    home = f"http://127.0.0.1:{site.server_port}/"
    assert [name for name in told["loaded"] if not name.startswith((home, "data:", "blob:"))] == []
    return told


def test_search_finds_a_page(browser: str, site: ThreadingHTTPServer, tmp_path: Path) -> None:
    asked = {"page": "index.html?q=blessed", "find": "a.md-search-result__link", "least": "1"}

    told = _seen(browser, site, tmp_path / "profile", asked)

    assert any("change-the-contract.html" in link for link in told["texts"])


def test_the_api_page_renders(browser: str, site: ThreadingHTTPServer, tmp_path: Path) -> None:
    tags = bundle.published()["tags"]
    asked = {"page": "api/index.html", "find": ".opblock-tag", "least": str(len(tags))}

    told = _seen(browser, site, tmp_path / "profile", asked)

    assert len(told["texts"]) == len(tags)
    assert "Unable to render" not in told["whole"]
