"""The one way to write a JSON value that checksums are taken over: json-recursive-ksort-v1.

Keys in order, no spaces, everything beyond ASCII escaped, a fraction wherever a number has a
floating point. Two programs that parsed the same document write the same bytes.
"""

from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from math import isfinite
from typing import Any

NAME = "json-recursive-ksort-v1"
_DELETE = "\x7f"
# Exponents of ten between which a number is written without one.
_FIXED_FROM, _FIXED_BELOW = -4, 17


def canonical(value: Any) -> str:
    """The canonical text of a JSON value."""
    parts: list[str] = []
    _write(value, parts)
    return "".join(parts)


def _write(value: Any, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(_text(value))
    elif isinstance(value, dict):
        _write_object(value, parts)
    elif isinstance(value, list):
        _write_list(value, parts)
    elif isinstance(value, float):
        parts.append(_number(value))
    elif value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    else:
        parts.append(int.__repr__(value))


def _write_object(value: dict[str, Any], parts: list[str]) -> None:
    opening = "{"
    for name in sorted(value):
        parts.append(f"{opening}{_text(name)}:")
        _write(value[name], parts)
        opening = ","
    parts.append("}" if opening == "," else "{}")


def _write_list(value: list[Any], parts: list[str]) -> None:
    opening = "["
    for item in value:
        parts.append(opening)
        _write(item, parts)
        opening = ","
    parts.append("]" if opening == "," else "[]")


def _text(value: str) -> str:
    if value.isascii():
        return encode_basestring(value)
    # Escapes of characters beyond ASCII are wanted, the one of an ASCII character is not.
    parts = [encode_basestring_ascii(part)[1:-1] for part in value.split(_DELETE)]
    return f'"{_DELETE.join(parts)}"'


def _number(value: float) -> str:
    if not isfinite(value):
        raise ValueError("a JSON number is finite")
    text = float.__repr__(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    if _FIXED_FROM <= int(exponent) < _FIXED_BELOW:
        fixed = format(Decimal(text), "f")
        return fixed if "." in fixed else f"{fixed}.0"
    return f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent):+d}"
