"""Payloads in a bucket, of a server that speaks S3's language and runs here."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from durable_server import payloads
from durable_server.maintenance.payload_garbage import remove_garbage

from tests.http.asking import Asker, asking

BIG = payloads.encode_avro(["x" * 3000])
SECRET = "not-to-be-told"
BODY = {"small_payload_bytes": 10, "large_payload_bytes": 2_000_000}
PUT = "/api/namespaces/default/external-storage"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    boto3 = pytest.importorskip("boto3")
    moto = pytest.importorskip("moto.server")
    served = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    served.start()
    host, port = served.get_host_and_port()
    address = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": SECRET}
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="payloads")
    yield address
    served.stop()


@pytest.fixture
def asker(tmp_path: Path, endpoint: str) -> Iterator[Asker]:
    profile = f'{{"ours": {{"access_key_id": "id", "secret_access_key": "{SECRET}"}}}}'
    unreachable = "http://127.0.0.1:9"
    with asking(
        "sqlite",
        tmp_path,
        payload_storage_profiles=profile,
        payload_storage_endpoints=f"{endpoint},{unreachable}",
    ) as started:
        yield started


def policy(endpoint: str, profile: str = "ours") -> dict[str, object]:
    config = {"bucket": "payloads", "prefix": "deep/down", "region": "us-east-1"}
    config |= {"endpoint": endpoint, "auth_profile": profile}
    return {"driver": "s3", "threshold_bytes": 1000, "config": config}


def test_payloads_go_to_a_bucket_and_come_back(asker: Asker, endpoint: str) -> None:
    assert asker.ask("PUT", PUT, policy(endpoint)).status == 200
    tried = asker.ask("POST", "/api/storage/test", BODY)
    assert (tried.status, tried.body["driver"]) == (200, "s3"), tried.body
    body = {"workflow_id": "w", "workflow_type": "t", "input": {"codec": "avro", "blob": BIG}}

    assert asker.ask("POST", "/api/workflows", body).status == 201

    described = asker.ask("GET", "/api/workflows/w").body
    uri = described["input_envelope"]["external_storage"]["uri"]
    assert uri.startswith("s3://payloads/deep/down/durable-workflow/default/")
    assert described["input"] == ["x" * 3000]
    again = {**body, "workflow_id": "again", "input": described["input_envelope"]}
    assert asker.ask("POST", "/api/workflows", again).status == 201
    remove_garbage(asker.server, asker.server.clock.now() + 3600 * 1_000_000, 10)
    assert asker.ask("GET", "/api/workflows/w").body["input"] == ["x" * 3000]


def test_a_storage_that_cannot_be_used_refuses_and_tells_no_secret(
    asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = {"workflow_id": "w", "workflow_type": "t", "input": {"codec": "avro", "blob": BIG}}
    for each in (policy("http://127.0.0.1:9"), policy("http://127.0.0.1:9", "nobodys")):
        assert asker.ask("PUT", PUT, each).status == 200

        tried = asker.ask("POST", "/api/storage/test", BODY)
        started = asker.ask("POST", "/api/workflows", body)

        for answer in (tried, started):
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            assert answer.body["reason"] == "payload_storage_unavailable"
            assert SECRET not in answer.unpacked().decode()
        assert asker.ask("GET", "/api/workflows/w").status == 404
    shown = asker.ask("GET", "/api/namespaces/default").unpacked().decode()
    assert SECRET not in shown + caplog.text


def test_threads_are_made_only_where_they_are_needed(tmp_path: Path) -> None:
    with asking("sqlite", tmp_path) as asker:
        asker.ask("POST", "/api/workflows", {"workflow_id": "w", "workflow_type": "t"})
        names = [each.name for each in threading.enumerate()]

    assert not [name for name in names if name.startswith("payload-storage")]
