"""The documentation page in a real browser, without any network but this server."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.databases import own_database
from tests.support.server_process import ServerProcess

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=10000",
)


@pytest.fixture
def browser() -> str:
    """A browser of this machine; without one the page is said to be untested."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("the documentation page: no browser (apt install chromium)")
    return found


def test_the_page_shows_every_operation_and_no_warning(browser: str, tmp_path: Path) -> None:
    with own_database("sqlite", tmp_path) as url:
        server = ServerProcess(url, tmp_path / "server.log").start()
        try:
            command = [browser, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
            shown = subprocess.run(
                [*command, f"{server.url}/api/docs"],
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            ).stdout
            paths = server.client().get("/openapi.json").json()["paths"]
        finally:
            server.stop()

    operations = sum(method != "parameters" for path in paths.values() for method in path)
    assert shown.count('class="opblock opblock-') == operations
    assert "Unable to render" not in shown
    assert "errors-wrapper" not in shown
    assert ">Warning<" not in shown
