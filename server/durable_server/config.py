"""Every setting of the server: its name, type, default, unit, and the version it came with.

`WORKFLOW_SERVER_*` is the canonical family, `DW_*` an accepted alias; what the command line says
wins over both.
"""

import os
import socket
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import AliasChoices, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from durable_server.admission_settings import AdmissionSettings
from durable_server.metrics_settings import MetricsSettings
from durable_server.setting import ALIAS, CANONICAL, SettingRow, bound, names, setting
from durable_server.tracing_settings import TracingSettings

# Names that belong to the families but to other programs: clients, tests, deployment files.
_DATABASE = r"^(sqlite|postgres|postgresql)://"
_HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
_NAMESPACE = r"^[A-Za-z0-9._-]{1,128}$"
_PROTOCOL = r"^1\.(1?[0-9]|20)$"
_FOREIGN = frozenset({"DW_ENV", "WORKFLOW_SERVER_URL"})


class SettingsDefect(Exception):
    """The settings do not allow a start; the text says which one and why."""


class Settings(AdmissionSettings, TracingSettings, MetricsSettings):
    """The settings in force; built from the environment and from what the command line gives."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", populate_by_name=True, frozen=True
    )

    host: str = setting("127.0.0.1", "Address that the server listens on.")
    port: int = setting(8080, "Port that the server listens on.", ge=0, le=65535)
    database_url: str = setting(
        "sqlite:///var/durable.sqlite",
        "Database, as sqlite:///path or postgresql://user@host:port/name.",
        name="DATABASE_URL",
        secret=True,
        pattern=_DATABASE,
    )
    redis_url: str | None = setting(
        None, "Redis that carries wake-ups between processes.", name="REDIS_URL", secret=True
    )
    http: Literal["uvicorn", "waitress"] = setting("uvicorn", "HTTP server.")
    processes: int = setting(
        1, "Server processes that share the port.", unit="processes", ge=1, le=256
    )
    mode: Literal["service"] = setting("service", "Only `service` is known.")
    id: str = setting("", "Name of this server; empty means the host name.")
    default_namespace: str = setting(
        "default", "Namespace of requests that name none.", pattern=_NAMESPACE
    )
    auth_driver: str = setting("token", "`token`, `signature` or `none` (development only).")
    auth_token: SecretStr = setting(
        SecretStr(""), "Legacy token; several, comma-separated, for rotation.", secret=True
    )
    worker_token: SecretStr = setting(SecretStr(""), "Tokens of workers.", secret=True)
    operator_token: SecretStr = setting(SecretStr(""), "Tokens of operators.", secret=True)
    admin_token: SecretStr = setting(SecretStr(""), "Tokens of administrators.", secret=True)
    auth_backward_compatible: bool = setting(
        True, "Whether the legacy token and the legacy signature key are accepted."
    )
    signature_key: SecretStr = setting(SecretStr(""), "Legacy signature keys.", secret=True)
    worker_signature_key: SecretStr = setting(
        SecretStr(""), "Signature keys of workers.", secret=True
    )
    operator_signature_key: SecretStr = setting(
        SecretStr(""), "Signature keys of operators.", secret=True
    )
    admin_signature_key: SecretStr = setting(
        SecretStr(""), "Signature keys of administrators.", secret=True
    )
    signature_strict: bool = setting(
        False, "Whether signatures over the body alone are refused; they can be replayed."
    )
    bridge_adapter_secrets: SecretStr = setting(
        SecretStr(""),
        "Secrets that webhooks are signed with: adapter=secret, comma-separated; an adapter may"
        " have several, for rotation, and * stands for every other adapter.",
        secret=True,
    )
    worker_poll_timeout: int = setting(
        30, "How long a poll waits for a task.", unit="seconds", ge=0, le=60
    )
    worker_poll_interval_ms: int = setting(
        1000, "How often a queue known to be empty is looked at again.", unit="milliseconds", ge=10
    )
    worker_poll_signal_check_interval_ms: int = setting(
        100,
        "How often wake-ups are looked for where they cannot be pushed.",
        unit="milliseconds",
        ge=1,
    )
    max_tasks_per_poll: int = setting(1, "A poll hands out one task, whatever it says.", ge=1)
    worker_protocol_version: str = setting(
        "1.20", "Worker protocol version that is advertised.", pattern=_PROTOCOL
    )
    history_page_size_default: int = setting(
        500, "Events on a page of history.", unit="events", ge=1
    )
    history_page_size_max: int = setting(
        1000, "Most events on a page of history.", unit="events", ge=1
    )
    history_export_max_bytes: int = bound(
        67_108_864, "Largest history that is exported as one document.", "bytes"
    )
    history_export_signing_key: SecretStr = setting(
        SecretStr(""), "Key that exports are signed with; unset: they are not.", secret=True
    )
    history_export_signing_key_id: str = setting(
        "", "Name of that key, told to readers of exports."
    )
    payload_storage_folder: str = setting(
        "", "Local folder that storage policies may keep payloads in; unset: none."
    )
    payload_storage_endpoints: str = setting(
        "", "Addresses other than the provider's own that storage policies may name."
    )
    payload_storage_profiles: SecretStr = setting(
        SecretStr(""),
        "Credentials by auth profile, as JSON; without a profile the environment's are used.",
        secret=True,
    )
    compression_enabled: bool = setting(True, "Whether large replies are compressed.")
    caller_type_header: str = setting(
        "X-Workflow-Caller-Type", "Header of a forwarded caller type.", pattern=_HEADER
    )
    caller_label_header: str = setting(
        "X-Workflow-Caller-Label", "Header of a forwarded caller name.", pattern=_HEADER
    )
    auth_status_header: str = setting(
        "X-Workflow-Auth-Status", "Header of a forwarded authentication status.", pattern=_HEADER
    )
    auth_method_header: str = setting(
        "X-Workflow-Auth-Method", "Header of a forwarded authentication method.", pattern=_HEADER
    )
    trust_forwarded_attribution_headers: bool = setting(
        False, "Whether the forwarded headers above are believed."
    )
    workflow_task_timeout: int = setting(
        60, "Lease of a workflow task.", name="WORKFLOW_TASK_TIMEOUT", unit="seconds", ge=1
    )
    activity_task_timeout: int = setting(
        300, "Lease of an activity task.", name="ACTIVITY_TASK_TIMEOUT", unit="seconds", ge=1
    )
    history_retention_days: int = setting(
        30,
        "How long closed runs are kept.",
        name="WORKFLOW_HISTORY_RETENTION_DAYS",
        unit="days",
        ge=1,
    )
    max_history_events: int = setting(
        50_000, "Most events of one run.", name="WORKFLOW_MAX_HISTORY_EVENTS", unit="events", ge=0
    )
    max_payload_bytes: int = setting(
        2_097_152, "Largest request body.", name="WORKFLOW_MAX_PAYLOAD_BYTES", unit="bytes", ge=1
    )
    max_memo_bytes: int = setting(
        262_144, "Largest memo.", name="WORKFLOW_MAX_MEMO_BYTES", unit="bytes", ge=0
    )
    max_search_attributes: int = setting(
        100,
        "Most search attributes of a run.",
        name="WORKFLOW_MAX_SEARCH_ATTRIBUTES",
        unit="attributes",
        ge=0,
    )
    max_pending_activities: int = bound(
        2000, "Most open activities of a run.", "activities", "WORKFLOW_MAX_PENDING_ACTIVITIES"
    )
    max_pending_children: int = bound(
        2000, "Most open children of a run.", "children", "WORKFLOW_MAX_PENDING_CHILDREN"
    )
    limit_pending_children: int = bound(
        1000, "Most open children of a run; the lower of both counts.", "children"
    )
    limit_pending_timers: int = bound(2000, "Most pending timers of a run.", "timers")
    limit_pending_signals: int = bound(5000, "Most signals of a run not yet applied.", "signals")
    limit_pending_updates: int = bound(500, "Most accepted updates of a run.", "updates")
    limit_command_batch_size: int = bound(1000, "Most commands of one completion.", "commands")
    limit_history_transaction_size: int = bound(
        5000, "Most events that one completion records.", "events"
    )
    limit_payload_size_bytes: int = bound(2_097_152, "Most bytes of one encoded payload.", "bytes")
    limit_search_attribute_size_bytes: int = bound(
        40_960, "Most bytes of a run's search attributes.", "bytes"
    )
    update_wait_completion_timeout_seconds: int = setting(
        10,
        "How long an update waits for its completion unless the request says otherwise.",
        unit="seconds",
        ge=1,
        le=3600,
    )
    limit_warning_percent: int = setting(
        80,
        "Share of a bound from which its use is logged; 0 switches that off.",
        unit="percent",
        ge=0,
        le=100,
    )
    history_budget_events_soft: int = bound(
        8000, "Events from which workers are told that the history nears its budget.", "events"
    )
    history_budget_events_hard: int = bound(
        10_000, "Events from which workers are told to continue as new.", "events"
    )
    history_budget_bytes_soft: int = bound(
        4_194_304, "Bytes from which workers are told that the history nears its budget.", "bytes"
    )
    history_budget_bytes_hard: int = bound(
        5_242_880, "Bytes from which workers are told to continue as new.", "bytes"
    )
    history_budget_fan_out_soft: int = bound(
        160, "Steps at once from which workers are told that fan-out nears its budget.", "steps"
    )
    history_budget_fan_out_hard: int = bound(
        200, "Steps at once from which workers are told to continue as new.", "steps"
    )
    task_backoff_max_seconds: int = setting(
        60,
        "Longest wait before a failing workflow task is offered again.",
        unit="seconds",
        ge=1,
    )
    query_task_timeout: int | None = setting(
        None,
        "How long whoever queries a workflow waits; unset: as long as a poll.",
        unit="seconds",
        ge=1,
    )
    query_task_lease_timeout: int | None = setting(
        None,
        "Lease of a query task; unset: that of a workflow task.",
        unit="seconds",
        ge=1,
    )
    query_task_ttl_seconds: int = setting(
        180, "How long a query that nobody answers is kept.", unit="seconds", ge=1
    )
    query_task_max_pending_per_queue: int = setting(
        1024, "Most queries that wait per namespace and task queue.", unit="queries", ge=1
    )
    visibility_query_timeout_milliseconds: int = setting(
        10_000,
        "Longest that the database may work on a list or count of runs.",
        unit="milliseconds",
        ge=1,
        le=600_000,
    )
    worker_stale_after_seconds: int | None = setting(
        None,
        "Silence after which a worker is stale; unset: twice the poll wait.",
        unit="seconds",
        ge=1,
    )
    lane_count: int | None = setting(
        None,
        "Writers on PostgreSQL; unset: half the cores, at most 4. SQLite always has one.",
        unit="threads",
        ge=1,
        le=64,
    )
    lane_queue_max: int = setting(4096, "Most waiting intents of a lane.", unit="intents", ge=0)
    batch_max: int = setting(128, "Most intents of one transaction.", unit="intents", ge=1)
    poll_slots: int = setting(200, "Parked polls under Waitress.", unit="polls", ge=1)
    parked_polls_max: int = setting(50_000, "Parked polls of a process.", unit="polls", ge=0)
    maintenance: bool = setting(True, "Whether `serve` runs the passes too.")
    env_audit_strict: bool = setting(False, "Whether unknown names refuse the start.")
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "debug, info, warning or error."
    )
    bootstrap_retries: int = setting(30, "Tries to reach the database.", unit="tries", ge=0)
    bootstrap_delay_seconds: int = setting(2, "Wait between these tries.", unit="seconds", ge=0)

    @field_validator("auth_backward_compatible", mode="before")
    @classmethod
    def _lenient(cls, value: Any) -> bool:
        # A credential must not die because of a misspelled word.
        return str(value).strip().lower() not in {"0", "false", "no", "off"}

    @field_validator("bridge_adapter_secrets")
    @classmethod
    def _paired(cls, value: SecretStr) -> SecretStr:
        for part in filter(None, map(str.strip, value.get_secret_value().split(","))):
            adapter, _, secret = part.partition("=")
            if not adapter or not secret:
                raise ValueError("an entry must be adapter=secret")
            if secret.startswith("whsec_"):
                b64decode(secret.removeprefix("whsec_"), validate=True)
        return value

    @field_validator("default_namespace", "http", "log_level", mode="before")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @property
    def server_id(self) -> str:
        """The name of this server."""
        return self.id or socket.gethostname()

    @property
    def worker_silence_seconds(self) -> int:
        """How long a worker may be silent: as set, else two long polls, at least a minute."""
        if self.worker_stale_after_seconds is not None:
            return self.worker_stale_after_seconds
        return max(2 * self.worker_poll_timeout, 60)

    @property
    def query_seconds(self) -> int:
        """How long a query waits for its answer."""
        return self.query_task_timeout or max(1, self.worker_poll_timeout)

    @property
    def query_lease_seconds(self) -> int:
        """How long a worker may take for a query."""
        return self.query_task_lease_timeout or self.workflow_task_timeout

    @property
    def writers(self) -> int:
        """How many lanes write to PostgreSQL; fewer lanes make larger batches."""
        return self.lane_count or max(1, min(4, (os.cpu_count() or 1) // 2))

    def keys(self, attribute: str) -> tuple[str, ...]:
        """The keys of a secret setting, one for each comma-separated part."""
        text: str = getattr(self, attribute).get_secret_value()
        return tuple(part.strip() for part in text.split(",") if part.strip())


for _attribute, _field in Settings.model_fields.items():
    _extra: Any = _field.json_schema_extra
    _field.validation_alias = AliasChoices(*names(_attribute, _extra["name"]))
Settings.model_rebuild(force=True)


def table() -> Iterator[SettingRow]:
    """Every setting, for the documentation and the sample files."""
    # Those of the parts that settings are made of come last.
    own = Settings.__annotations__
    for attribute, field in sorted(Settings.model_fields.items(), key=lambda e: e[0] not in own):
        extra: Any = field.json_schema_extra
        name, alias = names(attribute, extra["name"])
        default = field.default
        if isinstance(default, SecretStr) or default is None:
            shown = ""
        else:
            shown = str(default).lower() if isinstance(default, bool) else str(default)
        kind = getattr(field.annotation, "__name__", "text")
        kind = {"str": "text", "SecretStr": "text", "Literal": "text", "int": "number"}.get(
            kind, kind
        )
        yield SettingRow(
            attribute,
            name,
            alias,
            kind,
            shown,
            extra["unit"],
            extra["since"],
            field.description or "",
            extra["secret"],
        )


def unknown_names(environment: Mapping[str, str]) -> list[str]:
    """Names of either family that are no setting."""
    known = {name for row in table() for name in (row.name, row.alias)} | _FOREIGN
    return sorted(
        name
        for name in environment
        if name.startswith((CANONICAL, ALIAS)) and name.upper() not in known
    )


def load(**given: Any) -> Settings:
    """The settings of this process; what is given and not None wins over the environment."""
    try:
        settings = Settings(**{key: value for key, value in given.items() if value is not None})
    except ValueError as error:
        listing: Any = getattr(error, "errors", lambda **_: [])
        errors = listing(include_input=False, include_url=False)
        texts = [f"{each['loc'][0]}: {each['msg']}" for each in errors]
        raise SettingsDefect("; ".join(texts) or "the settings are not valid") from None
    unknown = unknown_names(os.environ)
    if unknown and settings.env_audit_strict:
        raise SettingsDefect(f"unknown settings: {', '.join(unknown)}")
    return settings
