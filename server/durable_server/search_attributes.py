"""The rules for search attributes that come with a start."""

import re
from typing import Any

KEY_BYTES_MAX = 128
VALUE_BYTES_MAX = 2048
_KEY = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


def attribute_errors(attributes: dict[str, Any], count_max: int) -> list[str]:
    """Every problem of these attributes, as texts; names need not be registered."""
    problems = []
    if 0 < count_max < len(attributes):
        problems.append(f"At most {count_max} search attributes are allowed.")
    for key, value in attributes.items():
        problems.extend(_key_problems(key))
        items = value if isinstance(value, list) else [value]
        texts = [item for item in items if isinstance(item, str)]
        if any(len(text.encode()) > VALUE_BYTES_MAX for text in texts):
            problems.append(
                f"Search attribute [{key}] value exceeds the maximum of {VALUE_BYTES_MAX} bytes."
            )
    return problems


def _key_problems(key: str) -> list[str]:
    if not key:
        return ["Search attribute keys must be non-empty strings."]
    if len(key.encode()) > KEY_BYTES_MAX:
        return [
            f"Search attribute key [{key}] exceeds the maximum length of {KEY_BYTES_MAX} bytes."
        ]
    if _KEY.fullmatch(key) is None:
        return [
            f"Search attribute key [{key}] must start with a letter and contain only letters, "
            "numbers, and underscores."
        ]
    return []
