"""Write deploy/grafana-dashboard.json: what to look at, a row for each question.

Usage: dashboard.py
"""

import json
from pathlib import Path
from typing import Any

PLACE = Path(__file__).resolve().parents[1] / "deploy" / "grafana-dashboard.json"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH, HEIGHT = 8, 8
NAMED = 'namespace=~"$namespace"'
RATE = "[$__rate_interval]"


def quantile(share: str, metric: str, by: str, chosen: str = "") -> str:
    """A quantile of a histogram, over all servers."""
    return f"histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{chosen}{RATE})))"


def rate(metric: str, by: str, chosen: str = "") -> str:
    """How many a second, over all servers."""
    return f"sum by ({by}) (rate({metric}{chosen}{RATE}))"


# Rows: a title, and its panels: title, unit, what it says, and expressions with their legends.
ROWS: dict[str, list[tuple[str, str, str, dict[str, str]]]] = {
    "Is anything wrong?": [
        (
            "Database ready",
            "bool_yes_no",
            "Whether each server finds its database answering and migrated.",
            {"durable_database_ready": "{{instance}} {{process}}"},
        ),
        (
            "Oldest waiting task",
            "s",
            "How long tasks have waited for a worker; it grows where no worker polls.",
            {
                f"max by (namespace, task_queue, kind) (durable_backlog_age_seconds{{{NAMED}}})": (
                    "{{task_queue}} {{kind}}"
                )
            },
        ),
        (
            "Refused requests",
            "reqps",
            "Refusals by reason.",
            {rate("durable_refusals_total", "reason"): "{{reason}}"},
        ),
    ],
    "Workflows": [
        (
            "Runs started",
            "ops",
            "Runs that began.",
            {rate("durable_runs_started_total", "namespace", f"{{{NAMED}}}"): "{{namespace}}"},
        ),
        (
            "Runs closed",
            "ops",
            "Runs that reached a final status.",
            {rate("durable_runs_closed_total", "status", f"{{{NAMED}}}"): "{{status}}"},
        ),
        (
            "Lateness of timers",
            "s",
            "How late timers fire.",
            {
                "histogram_quantile(0.5, sum by (le)"
                f" (rate(durable_timer_lateness_seconds_bucket{RATE})))": "half",
                "histogram_quantile(0.99, sum by (le)"
                f" (rate(durable_timer_lateness_seconds_bucket{RATE})))": "99 of 100",
            },
        ),
    ],
    "Tasks": [
        (
            "Tasks that wait",
            "short",
            "Ready tasks that no worker has.",
            {
                f"max by (namespace, task_queue, kind) (durable_backlog_tasks{{{NAMED}}})": (
                    "{{task_queue}} {{kind}}"
                )
            },
        ),
        (
            "Wait for a worker, 99 of 100",
            "s",
            "From the moment at which a task is ready to its lease.",
            {
                quantile(
                    "0.99",
                    "durable_task_schedule_to_start_seconds",
                    "task_queue, kind",
                    f"{{{NAMED}}}",
                ): "{{task_queue}} {{kind}}"
            },
        ),
        (
            "Tasks handed out",
            "ops",
            "Leased when written (handed_over), or from the backlog (claimed).",
            {rate("durable_tasks_handed_total", "kind, how", f"{{{NAMED}}}"): "{{kind}} {{how}}"},
        ),
    ],
    "Requests": [
        (
            "Requests a second",
            "reqps",
            "Requests by operation.",
            {rate("durable_request_seconds_count", "operation"): "{{operation}}"},
        ),
        (
            "Duration, 99 of 100",
            "s",
            "From the head of a request to its answer; polls wait meanwhile.",
            {
                quantile(
                    "0.99", "durable_request_seconds", "operation", '{operation!~".*poll"}'
                ): "{{operation}}"
            },
        ),
        (
            "Parked polls",
            "short",
            "Polls that wait.",
            {"sum by (kind) (durable_parked_polls)": "{{kind}}"},
        ),
    ],
    "Writers": [
        (
            "Duration of transactions, 99 of 100",
            "s",
            "From begin to commit.",
            {quantile("0.99", "durable_lane_commit_seconds", "lane"): "{{lane}}"},
        ),
        (
            "Intents of a transaction",
            "short",
            "Their mean: large batches save the database work.",
            {
                f"{rate('durable_lane_batch_items_sum', 'lane')}"
                f" / {rate('durable_lane_batch_items_count', 'lane')}": "{{lane}}"
            },
        ),
        (
            "Waiting for a writer or a reader",
            "short",
            "Intents and queries in queues; they grow where the database is slow.",
            {
                "sum by (instance, lane) (durable_lane_queue_items)": "{{instance}} {{lane}}",
                "sum by (instance) (durable_reader_queue_items)": "{{instance}} readers",
            },
        ),
        (
            "Transactions that came to nothing",
            "ops",
            "busy, lost and conflict are tried again.",
            {rate("durable_store_errors_total", "kind"): "{{kind}}"},
        ),
    ],
    "Passes and processes": [
        (
            "Lateness of passes, 99 of 100",
            "s",
            "From the moment at which a pass was due to its begin.",
            {quantile("0.99", "durable_pass_lateness_seconds", "pass"): "{{pass}}"},
        ),
        (
            "Duration of passes, 99 of 100",
            "s",
            "How long a pass took.",
            {quantile("0.99", "durable_pass_seconds", "pass"): "{{pass}}"},
        ),
        (
            "Rows of passes",
            "ops",
            "Due rows that passes found.",
            {rate("durable_pass_rows_total", "pass"): "{{pass}}"},
        ),
        (
            "Failures of passes",
            "ops",
            "Passes that ended in an error.",
            {rate("durable_pass_failures_total", "pass"): "{{pass}}"},
        ),
        (
            "CPU",
            "percentunit",
            "Of one core.",
            {
                f"rate(process_cpu_seconds_total{RATE}) and on (instance) durable_build_info": (
                    "{{instance}} {{process}}"
                )
            },
        ),
        (
            "Memory",
            "bytes",
            "Resident.",
            {
                "process_resident_memory_bytes and on (instance) durable_build_info": (
                    "{{instance}} {{process}}"
                )
            },
        ),
        (
            "Wakes from other processes",
            "bool_yes_no",
            "Whether they come in; without them tasks wait for the next look.",
            {"durable_wakes_connected": "{{instance}} {{process}}"},
        ),
        (
            "Versions",
            "short",
            "What runs.",
            {"sum by (version, database, wakes) (durable_build_info)": "{{version}} {{database}}"},
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    """The document that Grafana imports."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, wanted in ROWS.items():
        place = {"x": 0, "y": top, "w": 24, "h": 1}
        row = {"type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}
        panels.append({"id": len(panels) + 1, **row})
        top += 1
        for number, one in enumerate(wanted):
            x, y = number % 3 * WIDTH, top + number // 3 * HEIGHT
            place = {"x": x, "y": y, "w": WIDTH, "h": HEIGHT}
            panels.append({"id": len(panels) + 1, **panel(*one), "gridPos": place})
        top += -(-len(wanted) // 3) * HEIGHT
    return {
        "title": "Durable Workflow Server",
        "uid": "durable-workflow-server",
        "tags": ["durable-workflow"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": variables()},
        "annotations": {"list": []},
        "panels": panels,
    }


def panel(title: str, unit: str, text: str, asked: dict[str, str]) -> dict[str, Any]:
    """One graph; an expression may stand for several lines."""
    targets = [
        {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": expression, **shown}
        for number, (expression, legend) in enumerate(asked.items())
        for shown in [{"legendFormat": legend}]
    ]
    return {
        "type": "timeseries",
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets,
    }


def variables() -> list[dict[str, Any]]:
    """What a reader may choose: the data source, and namespaces."""
    asked = "label_values(durable_runs_started_total, namespace)"
    return [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
        {
            "name": "namespace",
            "label": "Namespace",
            "type": "query",
            "datasource": SOURCE,
            "query": asked,
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        },
    ]


if __name__ == "__main__":
    PLACE.write_text(json.dumps(dashboard(), indent=2) + "\n")
