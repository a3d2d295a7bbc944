"""One JSON object per line: header, results, footer; see schemas/report-line.schema.json."""

import json

from durable_conformance.report.record import Record


def render(record: Record) -> str:
    """The report as JSON lines."""
    lines = [record.header, *record.results, record.footer]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
