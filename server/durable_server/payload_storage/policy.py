"""Storage policies as values: what was asked for, which place that is, which objects lie in it.

A policy is the JSON object that descriptions of a namespace show; it never holds a credential. A
place has a root, the URI that every object in it begins with.
"""

from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from durable_server.refusal import Refusal, invalid

Policy = dict[str, Any]
DRIVERS = ("local", "s3", "gcs", "azure")
THRESHOLD_BYTES_DEFAULT = 262_144
# Objects that servers name themselves lie here, a namespace in a folder of its own.
OWN_FOLDER = "durable-workflow"
_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "azure-blob"}
_CONFIG = ("uri", "bucket", "disk", "prefix", "region", "endpoint", "auth_profile")


class Place(NamedTuple):
    """Where a policy keeps payloads. `bucket`: a bucket, a container, or the path of a folder."""

    driver: str
    bucket: str
    prefix: str

    @property
    def root(self) -> str:
        """What the URI of every object of the place begins with; ends in a slash."""
        prefix = f"{self.prefix}/" if self.prefix else ""
        if self.driver == "local":
            return f"{Path(self.bucket).as_uri()}/{quote(prefix)}"
        return f"{_SCHEMES[self.driver]}://{self.bucket}/{prefix}"

    def uri_of(self, key: str) -> str:
        """The URI of the object with this key."""
        return self.root + (quote(key) if self.driver == "local" else key)

    def key_of(self, uri: str) -> str | None:
        """The key of an object of this place, or None when it lies elsewhere."""
        if not uri.startswith(self.root):
            return None
        key = uri[len(self.root) :]
        key = unquote(key) if self.driver == "local" else key
        parts = key.split("/")
        return None if any(part in ("", ".", "..") for part in parts) or "\0" in key else key


def policy_of(body: dict[str, Any]) -> Policy:
    """The policy that a request asks for; what is absent, null, empty or unknown is left out."""
    policy: Policy = {"driver": body["driver"], "enabled": body.get("enabled") is not False}
    if body.get("threshold_bytes") is not None:
        policy["threshold_bytes"] = body["threshold_bytes"]
    given = body.get("config") or {}
    config = {name: given[name] for name in _CONFIG if given.get(name)}
    return {**policy, "config": config} if config else policy


def threshold_of(policy: Policy) -> int:
    """The size, in bytes of the encoded text, beyond which a payload is moved out."""
    return int(policy.get("threshold_bytes") or THRESHOLD_BYTES_DEFAULT)


def place_of(policy: Policy, folder: str) -> Place | None:
    """The place that a policy names, or None when it does not name one that can be opened.

    `folder`: the local folder that this server may use, empty when it may use none.
    """
    config = policy.get("config", {})
    prefix = config.get("prefix", "").strip("/")
    if policy["driver"] == "local":
        return _local(config, prefix, folder)
    given = urlsplit(config.get("uri", ""))
    bucket = config.get("bucket") or given.netloc
    if given.path.strip("/"):
        prefix = "/".join(part for part in (given.path.strip("/"), prefix) if part)
    return Place(policy["driver"], bucket, prefix) if bucket else None


def check_place(policy: Policy, folder: str, endpoints: tuple[str, ...]) -> None:
    """Refuse a policy that leads where this server may not go."""
    config = policy.get("config", {})
    errors: dict[str, list[str]] = {}
    if policy["driver"] == "local" and folder and place_of(policy, folder) is None:
        field = "config.uri" if config.get("uri") else "config"
        errors[field] = ["The local path must lie in the folder that this server may use."]
    endpoint = config.get("endpoint", "").rstrip("/")
    if endpoint and endpoint not in endpoints:
        errors["config.endpoint"] = ["The endpoint is not one that this server may ask."]
    if ".." in config.get("prefix", "").split("/"):
        errors["config.prefix"] = ["The prefix must not lead upwards."]
    if errors:
        raise invalid(errors)


def _local(config: dict[str, str], prefix: str, folder: str) -> Place | None:
    """The local folder of a policy, inside of the one that the server may use."""
    if not folder:
        return None
    allowed = Path(folder).resolve()
    uri = config.get("uri") or config.get("disk") or ""
    split = urlsplit(uri)
    if split.scheme not in ("", "file") or split.netloc not in ("", "localhost"):
        return None
    path = Path(unquote(split.path) if split.scheme else uri)
    chosen = (allowed / path / prefix).resolve()
    if "\0" in uri or not chosen.is_relative_to(allowed):
        return None
    return Place("local", str(chosen), "")


def own_key(namespace: str, scope: str, sha256: str) -> str:
    """The key of an object that this server makes. `scope`: the request or task it came with."""
    return f"{OWN_FOLDER}/{quote(namespace, safe='')}/{scope}/{sha256}"


def may_read(namespace: str, key: str) -> bool:
    """Whether an object may belong to a namespace; those of other namespaces' folders do not."""
    folder, _, rest = key.partition(f"{OWN_FOLDER}/")
    owner = rest.partition("/")[0]
    return folder != "" or not rest or owner == quote(namespace, safe="")


def not_configured(namespace: str) -> Refusal:
    """No policy at all."""
    return Refusal("external_storage_not_configured", namespace=namespace, driver=None)
