"""Signatures under reports: one more line, made over every byte before it."""

import base64
import json
from pathlib import Path
from typing import Any

from durable_contracts.defect import Defect

ALGORITHM = "ed25519"
KIND = "signature"


def sign(report: Path, key: Path) -> None:
    """Put the signature of a private key under a report."""
    content = report.read_bytes()
    if _parts(content)[1] is not None:
        raise Defect(str(report), "it is signed already")
    private = _private(key)
    line = {
        "kind": KIND,
        "algorithm": ALGORITHM,
        "public_key": base64.b64encode(private.public_key().public_bytes_raw()).decode(),
        "signature": base64.b64encode(private.sign(content)).decode(),
    }
    report.write_bytes(content + json.dumps(line).encode() + b"\n")


def verify(report: Path, key: Path) -> str | None:
    """Why a report is not what the holder of a key signed; None when it is."""
    exceptions, serialization, ed25519 = _library()
    content, line = _parts(report.read_bytes())
    if line is None:
        return "it is not signed"
    try:
        public = serialization.load_pem_public_key(key.read_bytes())
    except ValueError as error:
        raise Defect(str(key), f"it is no public key: {error}") from error
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise Defect(str(key), f"it is no {ALGORITHM} key")
    try:
        public.verify(base64.b64decode(line["signature"], validate=True), content)
    except (exceptions.InvalidSignature, KeyError, TypeError, ValueError):
        return "it was changed, or signed with another key"
    return None


def _parts(content: bytes) -> tuple[bytes, dict[str, Any] | None]:
    """What is signed, and the line of the signature when there is one."""
    start = content.rstrip(b"\n").rfind(b"\n") + 1
    try:
        line = json.loads(content[start:])
    except ValueError as error:
        raise Defect("report", "its last line is no JSON") from error
    signed = isinstance(line, dict) and line.get("kind") == KIND
    return (content[:start], line) if signed else (content, None)


def _private(key: Path) -> Any:
    _, serialization, ed25519 = _library()
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise Defect(str(key), f"it is no private key without a password: {error}") from error
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise Defect(str(key), f"it is no {ALGORITHM} key")
    return private


def _library() -> tuple[Any, Any, Any]:
    try:
        from cryptography import exceptions
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as error:
        text = "install durable-conformance[sign], which brings cryptography"
        raise Defect("signing", text) from error
    return exceptions, serialization, ed25519
