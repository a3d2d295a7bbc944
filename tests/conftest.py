"""Fixtures for resources: a store on each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from durable_server.store.database import Store

from tests.support.databases import KINDS, own_database, own_store


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    with own_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A bootstrapped store with a clock moved by hand."""
    with own_store(request.param, tmp_path) as opened:
        yield opened
