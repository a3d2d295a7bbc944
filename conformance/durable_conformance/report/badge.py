"""An endpoint badge: the profiles that may be claimed; see schemas/badge.schema.json."""

import json

from durable_conformance.report.record import Record

_COLORS = {"fail": "red", "error": "lightgrey", "skipped": "yellow"}


def render(record: Record) -> str:
    """The badge file."""
    claimed = [name for name, each in record.footer["profiles"].items() if each["claimed"]]
    verdict = record.footer["verdict"]
    badge = {
        "schemaVersion": 1,
        "label": "conformance",
        "message": ", ".join(claimed) if claimed else verdict,
        "color": _COLORS.get(verdict, "brightgreen"),
    }
    if verdict == "error":
        badge["isError"] = True
    return json.dumps(badge, indent=2) + "\n"
