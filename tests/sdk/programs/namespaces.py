"""Namespaces and their storage with the official SDK: `namespaces.py URL TOKEN QUEUE`.

Prints one JSON object of what the client saw.
"""

import asyncio
import json
import sys
from typing import Any
from urllib.parse import unquote, urlparse

from durable_workflow import Client, __version__
from durable_workflow.external_storage import LocalFilesystemExternalStorage

NAME = "from-sdk"


async def seen(url: str, token: str) -> dict[str, Any]:
    saw: dict[str, Any] = {"version": __version__}
    async with Client(url, token=token) as client:
        made = await client.create_namespace(NAME, description="before", retention_days=7)
        saw["made"] = [made.name, made.retention_days, made.status]
        saw["listed"] = [each.name for each in (await client.list_namespaces()).namespaces]
        saw["changed"] = (await client.update_namespace(NAME, description="after")).description
        kept = await client.set_namespace_external_storage(
            NAME, driver="local", threshold_bytes=500
        )
        saw["policy"] = [
            kept.external_payload_storage.driver,
            kept.external_payload_storage.threshold_bytes,
        ]
    async with Client(url, token=token, namespace=NAME) as client:
        tried = await client.test_external_storage(small_payload_bytes=10, large_payload_bytes=5000)
        saw["tried"] = [tried.status, tried.large_payload.bytes]
        uri = tried.large_payload.reference_uri
        folder = unquote(urlparse(uri).path).partition("/durable-workflow/")[0]
    # An SDK reads references with a driver of its own, set to the same place.
    driver = LocalFilesystemExternalStorage(folder)
    async with Client(url, token=token, namespace=NAME, external_storage=driver) as client:
        await client.start_workflow(
            workflow_type="t", workflow_id="w", task_queue="q", input=["x" * 1000]
        )
        saw["input"] = (await client.describe_workflow("w")).input
        saw["deleted"] = (await client.delete_namespace(NAME)).deleted
        try:
            await client.describe_namespace(NAME)
        except Exception as error:
            saw["gone"] = type(error).__name__
    return saw


if __name__ == "__main__":
    print(json.dumps(asyncio.run(seen(*sys.argv[1:3]))))
