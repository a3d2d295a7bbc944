"""The operations of the control plane that `dw` speaks: id, method and path below `/api`.

A test holds this table against the published contract, both ways.
"""

_WORKFLOW = "/workflows/{workflow_id}"
_RUN = "/workflows/{workflow_id}/runs/{run_id}"

ROUTES: dict[str, str] = {
    "health.health": "GET /health",
    "health.ready": "GET /ready",
    "cluster.info": "GET /cluster/info",
    "workflows.list": "GET /workflows",
    "workflows.start": "POST /workflows",
    "workflows.describe": f"GET {_WORKFLOW}",
    "workflows.list_runs": f"GET {_WORKFLOW}/runs",
    "workflows.describe_run": f"GET {_RUN}",
    "signals.signal": f"POST {_WORKFLOW}/signal/{{signal_name}}",
    "signals.signal_run": f"POST {_RUN}/signal/{{signal_name}}",
    "signals.signal_with_start": f"POST {_WORKFLOW}/signal-with-start/{{signal_name}}",
    "message_streams.append": f"POST {_WORKFLOW}/message-streams/{{stream_name}}/messages",
    "queries.query": f"POST {_WORKFLOW}/query/{{query_name}}",
    "queries.query_run": f"POST {_RUN}/query/{{query_name}}",
    "updates.update": f"POST {_WORKFLOW}/update/{{update_name}}",
    "updates.update_run": f"POST {_RUN}/update/{{update_name}}",
    "runs.cancel": f"POST {_WORKFLOW}/cancel",
    "runs.cancel_run": f"POST {_RUN}/cancel",
    "runs.terminate": f"POST {_WORKFLOW}/terminate",
    "runs.terminate_run": f"POST {_RUN}/terminate",
    "runs.repair": f"POST {_WORKFLOW}/repair",
    "runs.repair_run": f"POST {_RUN}/repair",
    "runs.archive": f"POST {_WORKFLOW}/archive",
    "runs.archive_run": f"POST {_RUN}/archive",
    "debug.workflow": f"GET {_WORKFLOW}/debug",
    "debug.run": f"GET {_RUN}/debug",
    "history.list": f"GET {_RUN}/history",
    "history.export": f"GET {_RUN}/history/export",
    "namespaces.list": "GET /namespaces",
    "namespaces.create": "POST /namespaces",
    "namespaces.describe": "GET /namespaces/{name}",
    "namespaces.update": "PUT /namespaces/{name}",
    "namespaces.delete": "DELETE /namespaces/{name}",
    "namespaces.update_external_storage": "PUT /namespaces/{name}/external-storage",
    "storage.try_out": "POST /storage/test",
    "imports.history_export": "POST /workflows/import/history-export",
    "schedules.list": "GET /schedules",
    "schedules.create": "POST /schedules",
    "schedules.preview": "POST /schedule-preview",
    "schedules.describe": "GET /schedules/{schedule_id}",
    "schedules.update": "PUT /schedules/{schedule_id}",
    "schedules.delete": "DELETE /schedules/{schedule_id}",
    "schedules.pause": "POST /schedules/{schedule_id}/pause",
    "schedules.resume": "POST /schedules/{schedule_id}/resume",
    "schedules.trigger": "POST /schedules/{schedule_id}/trigger",
    "schedules.backfill": "POST /schedules/{schedule_id}/backfill",
    "schedules.history": "GET /schedules/{schedule_id}/history",
    "search_attributes.list": "GET /search-attributes",
    "search_attributes.create": "POST /search-attributes",
    "search_attributes.delete": "DELETE /search-attributes/{name}",
    "task_queues.list": "GET /task-queues",
    "task_queues.describe": "GET /task-queues/{task_queue}",
    "task_queues.build_ids": "GET /task-queues/{task_queue}/build-ids",
    "task_queues.drain": "POST /task-queues/{task_queue}/build-ids/drain",
    "task_queues.resume": "POST /task-queues/{task_queue}/build-ids/resume",
    "task_queues.promote": "POST /task-queues/{task_queue}/build-ids/promote",
    "workers.list": "GET /workers",
    "workers.describe": "GET /workers/{worker_id}",
    "workers.delete": "DELETE /workers/{worker_id}",
    "system.repair": "GET /system/repair",
    "system.repair_pass": "POST /system/repair/pass",
    "system.activity_timeouts": "GET /system/activity-timeouts",
    "system.activity_timeouts_pass": "POST /system/activity-timeouts/pass",
    "system.retention": "GET /system/retention",
    "system.retention_pass": "POST /system/retention/pass",
    "system.metrics": "GET /system/metrics",
    "system.operator_metrics": "GET /system/operator-metrics",
    "bridge_adapters.webhook": "POST /bridge-adapters/webhook/{adapter}",
}


def method_and_path(operation: str) -> tuple[str, str]:
    """The method of an operation, and its path with names in braces."""
    method, _, path = ROUTES[operation].partition(" ")
    return method, path
