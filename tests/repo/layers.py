"""Who may import whom: the map of the packages, as data.

A key is a module or a package, the longest one that fits decides; a value lists what it may import.
A package may always import itself. The standard library is open to everybody.
"""

VALUES = {
    "pending": set(),
    "refusal": set(),
    "search_attributes": set(),
    "command_contracts": set(),
    "visibility": {"refusal", "clock"},
    "client_input": {"command_contracts", "payloads", "refusal", "engine.run_state"},
}

# Modules of durable_server, without that prefix. Third parties are judged apart.
SERVER: dict[str, set[str]] = {
    **VALUES,
    "clock": set(),
    "shards": set(),
    "ids": {"shards"},
    "setting": set(),
    "admission_settings": {"setting"},
    "config": {"setting", "metrics_settings", "admission_settings", "tracing_settings"},
    "observer": set(),
    "metrics_settings": {"setting"},
    "tracing_settings": {"setting"},
    "engine": {"refusal", "clock", "payloads", "shards"},
    "auth": {"refusal"},
    "payloads": {"engine.run_state"},
    "store": {"engine", "refusal", "clock", "ids", "visibility"},
    "readers": {"store.database", "store.errors", "pending", "refusal"},
    "database_state": {"store.migrate", "store.capabilities", "store.errors"},
    "matching": {"refusal", "clock", "pending"},
    # What parks, claims and registers works on a server, and asks the store.
    "matching.poll": {"server", "advance.intents", "advance.queries", "engine.query_task"}
    | {"store.tasks", "store.query_tasks", "pending", "clock"},
    "matching.timing": {"server", "pending"},
    # It looks at a server, and is told of what happens as `observer` says.
    "telemetry": {"observer", "server", "store.backlog", "store.errors", "clock", "pending"}
    | {"refusal", "engine.trace_context"},
    "matching.registry": {"server", "store.workers", "clock", "refusal"},
    "matching.rollouts": {"server", "store.rollouts", "clock", "pending", "refusal"},
    "server": {"store", "matching", "clock", "ids", "config", "pending", "engine.limits"}
    | {"observer"},
    "advance": {"server", "engine", "store", "matching", "pending", "refusal", "ids", "clock"}
    | {"observer"},
    "call": {"server", "auth", "engine.trace_context"},
    "attribution": {"call"},
    "searches": {"call", "refusal", "store.errors"},
    "start_input": {"attribution", "call", "engine", "ids", "payloads", "refusal"}
    | {"search_attributes", "external_payloads"},
    "signal_requests": {"external_payloads"}
    | {"advance.signal_intents", "attribution", "call", "client_input"}
    | {"command_contracts", "engine", "ids", "refusal", "store.queries"},
    "update_requests": {"external_payloads"}
    | {"advance.intents", "attribution", "call", "client_input", "clock"}
    | {"command_contracts", "engine", "ids", "matching.timing", "refusal", "store.queries"}
    | {"views"},
    "payload_storage": {"clock", "config", "payloads", "pending", "refusal"}
    | {"store.namespaces", "store.payload_objects"},
    "external_payloads": {"call", "clock", "engine", "payload_storage", "payloads", "refusal"}
    | {"store.payload_objects"},
    "views.imports": {"engine", "payloads", "clock", "refusal", "shards"},
    "schedule_list": {"refusal"},
    "schedule_input": {"call", "engine", "ids", "payloads", "refusal", "search_attributes"},
    "views": {"engine", "payloads", "clock", "matching.channels", "matching.admission"},
    "handlers": {
        *(
            "call",
            "engine",
            "advance.intents",
            "advance.queries",
            "advance.run_requests",
            "advance.signal_intents",
            "advance.schedules",
            "advance.receipts",
            "schedule_input",
            "schedule_list",
        ),
        *("matching.poll", "matching.timing"),
        *(
            "matching.channels",
            "matching.admission",
            "store.queries",
            "views",
            "ids",
            "clock",
            "payloads",
            "pending",
        ),
        *("refusal", "attribution", "search_attributes", "config", "command_contracts"),
        *("signal_requests", "update_requests", "external_payloads", "payload_storage"),
        *("searches", "visibility"),
        *("client_input", "start_input", "telemetry.exposition"),
    },
    "maintenance.bulk_operations": {"server", "engine", "advance.intents", "store.queries", "clock"}
    | {"advance.run_requests", "advance.signal_intents", "client_input", "ids", "refusal"}
    | {"maintenance.passes"},
    "maintenance": {"server", "engine", "advance.intents", "store.queries", "clock", "pending"}
    | {"refusal", "advance.receipts", "advance.schedules", "payload_storage"}
    | {"advance.run_requests", "advance.signal_intents", "client_input", "ids"},
    "http": {"refusal", "auth", "call", "server", "config", "store.namespaces", "pending"}
    | {"ids", "clock", "engine.trace_context"},
    "logs": {"clock"},
    "app": {"*"},
    "processes": {"clock", "config", "logs", "telemetry.siblings"},
    "serve": {"app", "logs", "config", "server", "processes", "http", "store.migrate"}
    | {"telemetry"},
    "cli": {"app", "serve", "config", "clock", "store.database", "store.migrate", "store.errors"},
}

# The query modules of the store: one for each noun, and what all of them give.
QUERIES = {
    *("store.retention", "store.diagnosis", "store.figures"),
    *("store.bridge_events", "store.bulk_operations", "store.selections"),
    *("store.activities", "store.history", "store.messages", "store.namespaces", "store.runs"),
    *(
        "store.query_tasks",
        "store.tasks",
        "store.timers",
        "store.workers",
        "store.due",
        "store.errors",
    ),
    *("store.schedules", "store.command_contracts", "store.updates", "store.namespace_purges"),
    *("store.payload_objects", "store.removal", "store.imports"),
    *("store.open_work", "store.task_queues", "store.backlog"),
    *("store.rollouts", "store.admission", "store.search_attributes", "store.visibility"),
}

# What writes runs is closed to everybody but the lanes.
CLOSED = {
    "store.commit": {"store", "advance"},
    "store.statements_postgres": {"store"},
    "store.statements_sqlite": {"store"},
    "store.models": {"store"},
}

# Where a library may be used; what is not listed here may not be used at all.
LIBRARIES: dict[str, set[str]] = {
    "connexion": {"durable_server.http", "durable_server.app"},
    "durable_contracts": {
        "durable_server.http",
        "durable_server.handlers",
        "durable_server.app",
        "durable_server.telemetry",
        "durable_server.cli",
        "durable_conformance",
        "durable_contracts",
        "durable_cli.refused",
    },
    "durable_cli": {"durable_cli"},
    "durable_conformance": {"durable_conformance"},
    "durable_server": {"durable_server"},
    "hypothesis": {"durable_conformance.fuzz"},
    "schemathesis": {"durable_conformance.fuzz"},
    "cryptography": {"durable_conformance.signing"},
    "cronsim": {"durable_server.engine.schedule_spec"},
    "fastavro": {"durable_server.payloads", "durable_conformance.sdk.payloads"},
    "httpx": {"durable_cli.client", "durable_cli.signing", "durable_conformance"},
    "jsonschema": {"durable_contracts", "durable_conformance"},
    "jsonschema_rs": {"durable_server.http", "durable_conformance.judging"},
    "lark": {"durable_server.visibility"},
    "openapi_spec_validator": {"durable_contracts.cli"},
    "obstore": {"durable_server.payload_storage"},
    "opentelemetry": {"durable_server.telemetry.tracing"},
    "orjson": {"durable_server"},
    "peewee": {"durable_server.store"},
    "playhouse": {"durable_server.store"},
    "prometheus_client": {"durable_server.telemetry"},
    "psycopg2": {"durable_server.store", "durable_server.matching.wakes_postgres"},
    "pydantic": {
        "durable_server.config",
        "durable_server.setting",
        "durable_server.admission_settings",
    },
    "pydantic_settings": {
        "durable_server.config",
        "durable_server.admission_settings",
        "durable_server.metrics_settings",
        "durable_server.tracing_settings",
    },
    "redis": {"durable_server.matching.wakes_redis"},
    # A part of jsonschema that has a name of its own.
    "referencing": {"durable_contracts"},
    "rich": {"durable_cli"},
    "swagger_ui": {"durable_server.handlers.documents"},
    "tenacity": {"durable_cli.client", "durable_server.advance", "durable_server.cli"},
    "typer": {"durable_cli", "durable_server.cli", "durable_contracts.cli", "durable_conformance"},
    "uuid_utils": {"durable_server.ids"},
    "uvicorn": {"durable_server.serve", "durable_conformance.proxy"},
    "waitress": {"durable_server.http", "durable_server.serve"},
    "yaml": {
        "durable_cli.printer",
        "durable_cli.profiles",
        "durable_contracts",
        "durable_conformance",
    },
}
