"""The variant that the server is compared with does the same work, or the ratio means nothing."""

import asyncio

import pytest

from bench.lifecycle import Load
from bench.processes import database, server
from tests.support.databases import KINDS

BOUND_SECONDS = 60


@pytest.mark.parametrize("kind", KINDS)
def test_the_naive_variant_carries_out_whole_workflows(kind: str) -> None:
    with database(kind) as url, server(url, "naive") as measured:
        load = Load("127.0.0.1", measured.port, 3)
        asyncio.run(asyncio.wait_for(load.run(), BOUND_SECONDS))
    assert load.done == 3
