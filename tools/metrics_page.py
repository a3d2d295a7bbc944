"""Write the table of docs/metrics.md: every metric as a server exposes it.

Usage: metrics_page.py
"""

import re
import tempfile
from pathlib import Path

from durable_server import app
from durable_server.config import Settings
from durable_server.store import migrate
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

PLACE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"
BEGIN, END = "<!-- Derived by tools/metrics_page.py: -->\n", "<!-- until here. -->"
UNITS = {
    "seconds": "seconds",
    "bytes": "bytes",
    "items": "items",
    **{name: name for name in ("tasks", "polls", "rows")},
}


def families() -> list[Metric]:
    """What a server exposes, without the figures of its process."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/durable.sqlite", maintenance=False)
        server = app.build_server(settings)
        migrate.bootstrap(server.store, settings)
        app.start(server)
        try:
            text = server.facts["exposition"].text().decode()
        finally:
            app.stop(server)
    found = text_string_to_metric_families(text)
    return [each for each in found if each.name.startswith("durable_")]


def name_of(family: Metric) -> str:
    """The name as it is exposed."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def unit_of(name: str) -> str:
    """The unit that a name tells of."""
    last = name.removesuffix("_total").rpartition("_")[2]
    if last in UNITS:
        return UNITS[last]
    return "number" if name.endswith("_total") else "1 or 0"


def page() -> str:
    """The page with the table as it must be."""
    before, rest = PLACE.read_text().split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}{table(families())}{END}{after}"


def table(found: list[Metric]) -> str:
    """The table, in the order of the names."""
    lines = ["| metric | type | unit | says |", "|---|---|---|---|"]
    for family in sorted(found, key=name_of):
        name = name_of(family)
        text = re.sub(r"\s+", " ", family.documentation)
        lines.append(f"| `{name}` | {family.type} | {unit_of(name)} | {text} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PLACE.write_text(page())
