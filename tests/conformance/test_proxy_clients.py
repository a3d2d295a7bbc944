"""Every violation that is planted in a client is found, at its place; what is in order is not."""

from pathlib import Path

import httpx
import pytest

from tests.conformance.planted import REQUESTS, Sent
from tests.conformance.proxying import Proxy, proxying
from tests.conformance.toy_server import toy_server


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Proxy:
    """A proxy through which all of the requests went, one after another."""
    folder: Path = tmp_path_factory.mktemp("planted")
    with (
        toy_server({}) as upstream,
        proxying(upstream, folder, "--side", "client") as running,
        httpx.Client(base_url=running.url) as client,
    ):
        for each in REQUESTS:
            client.request(each.method, each.path, headers=each.headers, content=each.content)
        running.stop()
    return running


def test_at_least_thirty_are_planted() -> None:
    assert len([each for each in REQUESTS if each.expected]) >= 30
    assert len({each.name for each in REQUESTS}) == len(REQUESTS)


@pytest.mark.parametrize(
    ("number", "sent"), list(enumerate(REQUESTS, 1)), ids=[each.name for each in REQUESTS]
)
def test_a_planted_violation_is_found_at_its_place(proxy: Proxy, number: int, sent: Sent) -> None:
    found = proxy.of(number)

    if sent.expected is None:
        assert found == []
    else:
        assert sent.expected in [(f["rule"], f["pointer"], f["clause"]) for f in found]
        assert {f["side"] for f in found} == {"client"}
        assert all(f["sentence"] for f in found)


def test_a_proxy_that_found_something_says_so(proxy: Proxy) -> None:
    assert proxy.status == 1
    assert proxy.footer["exchanges"] == len(REQUESTS)
    assert proxy.footer["violations"]["server"] == 0
    assert "unknown_command, WP-37: An unknown command refuses the completion." in proxy.said
