"""Going to a place: put, get and delete objects, on local disks, S3, Google and Azure storage.

Everything here blocks, and is called on threads of the storage only. Errors leave as
`StorageUnavailable`, or `ObjectMissing`; neither repeats what a driver said, since that may
name signed addresses.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from durable_server.payload_storage.policy import Place, Policy

log = logging.getLogger(__name__)

PIECE_BYTES = 1_048_576
_CLIENT = {"timeout": "20s", "connect_timeout": "5s"}
_RETRY = {"max_retries": 2, "retry_timeout": timedelta(seconds=15)}


class StorageUnavailable(Exception):
    """The place cannot be reached, or does not let us."""


class ObjectMissing(Exception):
    """The place has no such object."""


class Opened:
    """An open place."""

    def __init__(self, place: Place, store: Any) -> None:
        self.place = place
        self._store = store

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes under a key, in place of what was there."""
        self._check(key)
        self._try("put", key, data)

    def get(self, key: str) -> tuple[int, Iterator[bytes]]:
        """The size of an object, and its bytes piece by piece."""
        self._check(key)
        found = self._try("get", key)
        return found.meta["size"], self._pieces(found)

    def delete(self, key: str) -> None:
        """Remove an object; one that is gone already is no error."""
        self._check(key)
        try:
            self._try("delete", key)
        except ObjectMissing:
            return

    def _pieces(self, found: Any) -> Iterator[bytes]:
        try:
            for piece in found.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)
        except Exception as error:
            raise self._unavailable("get", error) from None

    def _check(self, key: str) -> None:
        """A link inside of a local folder must not lead out of it."""
        if self.place.driver == "local":
            folder = Path(self.place.bucket).resolve()
            if not (folder / key).resolve().is_relative_to(folder):
                raise ObjectMissing

    def _try(self, verb: str, key: str, *arguments: Any, **options: Any) -> Any:
        import obstore

        try:
            return getattr(obstore, verb)(self._store, key, *arguments, **options)
        except FileNotFoundError:
            raise ObjectMissing from None
        except Exception as error:
            raise self._unavailable(verb, error) from None

    def _unavailable(self, verb: str, error: Exception) -> StorageUnavailable:
        facts = {"driver": self.place.driver, "verb": verb, "error": type(error).__name__}
        log.warning("payload storage failed", extra=facts)
        return StorageUnavailable(f"{self.place.driver} {verb}: {type(error).__name__}")


def open_place(place: Place, policy: Policy, profiles: dict[str, dict[str, str]]) -> Opened:
    """Open a place; `profiles` maps the auth profiles that policies may name to credentials.

    Without a profile the library finds credentials where tools of the provider find them.
    """
    # Here, since most servers keep everything in their database.
    from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

    config = policy.get("config", {})
    if place.driver == "local":
        return Opened(place, LocalStore(place.bucket, mkdir=True))
    name = config.get("auth_profile")
    if name and name not in profiles:
        raise StorageUnavailable("unknown auth profile")
    settings: dict[str, Any] = dict(profiles.get(name, {})) if name else {}
    endpoint = config.get("endpoint", "")
    options = {**_CLIENT, "allow_http": endpoint.startswith("http://")}
    given: dict[str, Any] = {"client_options": options, "retry_config": _RETRY}
    if place.prefix:
        given["prefix"] = place.prefix
    if endpoint:
        settings["base_url" if place.driver == "gcs" else "endpoint"] = endpoint
    if config.get("region") and place.driver == "s3":
        settings["region"] = config["region"]
    kinds: dict[str, Any] = {"s3": S3Store, "gcs": GCSStore, "azure": AzureStore}
    try:
        store = kinds[place.driver](place.bucket, config=settings or None, **given)
    except Exception as error:
        raise StorageUnavailable(f"{place.driver} open: {type(error).__name__}") from None
    return Opened(place, store)
