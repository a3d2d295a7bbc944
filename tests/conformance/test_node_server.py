"""The suite against a server of somebody else's: small, in another language, honest about itself.

`node_server/expected.yaml` says what it keeps, what it breaks and what it does not claim;
`python -m tests.conformance.test_node_server` writes that file anew. Scenarios that came after the
file was written prove nothing here.
"""

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from durable_conformance import library
from durable_conformance.client import Client
from durable_conformance.runner import discover, run_all
from durable_conformance.target import Target

HERE = Path(__file__).resolve().parent / "node_server"
PROFILES = {profile.name for profile in library.load().profiles} - {"auth"}


@contextmanager
def node_server() -> Iterator[str]:
    """The server of another maker, in memory; yields its address."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js: not installed, so that the suite meets no server but our own")
    process = subprocess.Popen(
        [node, str(HERE / "server.mjs"), "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def verdicts(url: str) -> dict[str, list[str]]:
    """The ids of the scenarios of core and worker, by verdict."""
    client = Client(Target(url, auth="none"))
    chosen = [each for each in library.load().scenarios if each.profile in PROFILES]
    found = defaultdict(list)
    try:
        client.target = discover(client)
        for result in run_all(chosen, client, 16):
            found[result.verdict.value].append(result.scenario.id)
    finally:
        client.close()
    return {verdict: sorted(ids) for verdict, ids in sorted(found.items())}


def stated() -> dict[str, list[str]]:
    """What the file says of the scenarios that there are, by verdict."""
    document: dict[str, list[str]] = yaml.safe_load((HERE / "expected.yaml").read_text())
    there = {scenario.id for scenario in library.load().scenarios}
    return {verdict: [id_ for id_ in ids if id_ in there] for verdict, ids in document.items()}


def test_another_makers_server_gets_the_mixture_of_verdicts_that_it_deserves() -> None:
    with node_server() as url:
        found = verdicts(url)

    expected = stated()
    known = {id_ for ids in expected.values() for id_ in ids}
    of_known = {verdict: [id_ for id_ in ids if id_ in known] for verdict, ids in found.items()}
    assert {verdict: ids for verdict, ids in of_known.items() if ids} == expected
    assert [len(expected[verdict]) > 20 for verdict in ("pass", "unsupported", "fail")] == [
        True
    ] * 3


def _write() -> None:
    with node_server() as url:
        found = verdicts(url)
    (HERE / "expected.yaml").write_text(yaml.safe_dump(found, sort_keys=False))


if __name__ == "__main__":
    _write()
