"""Fixtures for resources: a store on each database; and which tests begin."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from durable_server.store.database import Store

from tests.support.databases import KINDS, own_database, own_store

# A file stays in one process. What takes minutes begins first, so that no process is left alone
# with it at the end.
LONGEST_FIRST = ("served", "sdk", "simulation", "kill", "wheel", "model", "fuzz", "recordings")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that take longest; everything else stays in order."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0] if item.path.is_relative_to(here) else ""
        return LONGEST_FIRST.index(folder) if folder in LONGEST_FIRST else len(LONGEST_FIRST)

    items.sort(key=rank)


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
