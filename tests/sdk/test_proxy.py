"""Official SDK releases speak through the proxy, and nothing they say breaks the contract."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.proxying import proxying
from tests.sdk.environments import LEADING
from tests.sdk.fleet import LEASES, Release
from tests.served.serving import serving

pytestmark = [pytest.mark.sdk, pytest.mark.long]


@dataclass
class Behind:
    """The address under which programs find a server that stands behind the proxy."""

    url: str


@pytest.mark.parametrize("name", LEADING)
def test_a_release_breaks_nothing(name: str, tmp_path: Path) -> None:
    with (
        serving("sqlite", tmp_path, "uvicorn", LEASES) as url,
        proxying(url, tmp_path) as proxy,
    ):
        seen = Release(Behind(proxy.url), name, tmp_path).drive()  # type: ignore[arg-type]

    assert {capability for capability, told in seen.items() if "error" in told} == set()
    assert proxy.footer["sorts"] == []
    assert proxy.status == 0
    assert proxy.footer["judged"]["client"] > 500
