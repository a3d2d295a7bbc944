"""What a caller gives as input: JSON or pairs on the line, `@file`, or standard input."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

from durable_cli.problem import USAGE, Problem

BYTES_MAX = 16 * 1024 * 1024
ENCODINGS = ("json", "raw", "base64")


def text_of(stated: str) -> str:
    """A text itself, what a file holds (`@path`), or what standard input holds (`@-` or `-`)."""
    return _bytes_of(stated).decode("utf-8", errors="strict")


def json_of(stated: str | None, option: str) -> Any:
    """The JSON value that was given, None when nothing was; no JSON is a usage error."""
    if stated is None:
        return None
    try:
        return json.loads(text_of(stated))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(
            f"What {option} gives is not JSON: {error}",
            USAGE,
            remedy=f"""Quote it for the shell, as in {option} '{{"name": "world"}}', """
            f"or keep it in a file: {option} @input.json.",
        ) from error


def object_of(stated: str | None, option: str) -> dict[str, Any] | None:
    """The JSON object that was given, None when nothing was."""
    value = json_of(stated, option)
    if value is not None and not isinstance(value, dict):
        raise Problem(f"What {option} gives has to be a JSON object.", USAGE)
    return value


def arguments_of(
    stated: str | None, file: Path | None, encoding: str, option: str = "--input"
) -> list[Any] | dict[str, Any] | None:
    """The arguments of a workflow, signal, query or update.

    JSON lists and objects are arguments as they are; any other value, raw text and decoded base64
    are the one argument. None when nothing was given.
    """
    if stated is not None and file is not None:
        raise Problem(f"Give either {option} or {option}-file.", USAGE)
    source = stated if file is None else f"@{file}"
    if source is None:
        return None
    if encoding == "json":
        value = json_of(source, option)
        return value if isinstance(value, list | dict) or value is None else [value]
    return [text_of(source)] if encoding == "raw" else [_decoded(text_of(source), option)]


def pairs_of(stated: list[str] | None, option: str) -> dict[str, Any] | None:
    """Values given as NAME=VALUE; a value that is JSON is that, any other is text."""
    if not stated:
        return None
    found: dict[str, Any] = {}
    for pair in stated:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise Problem(f"{option} takes NAME=VALUE, not {pair!r}.", USAGE)
        found[name] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _decoded(text: str, option: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError as error:
        raise Problem(f"What {option} gives is not base64 of a text: {error}", USAGE) from error


def _bytes_of(stated: str) -> bytes:
    if stated in ("-", "@-"):
        content = sys.stdin.buffer.read(BYTES_MAX + 1)
    elif stated.startswith("@"):
        content = _file(Path(stated[1:]))
    else:
        content = stated.encode()
    if len(content) > BYTES_MAX:
        raise Problem(f"The input is larger than {BYTES_MAX} bytes.", USAGE)
    return content


def _file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as error:
        raise Problem(f"The file {path} cannot be read: {error.strerror}.", USAGE) from error
