"""Every setting under its names; names that are no setting; values that a setting cannot have."""

from typing import Any

import pytest
from durable_server import config
from durable_server.admission_settings import AdmissionSettings
from durable_server.config import Settings, SettingsDefect
from pydantic import SecretStr

ROWS = list(config.table())
# Numbers that follow from other settings until they are set.
UNSET = frozenset(AdmissionSettings.model_fields) | frozenset(
    {
        "lane_count",
        "metrics_port",
        "query_task_lease_timeout",
        "query_task_timeout",
        "worker_stale_after_seconds",
    }
)
FAMILIES = ("WORKFLOW_", "DW_", "ACTIVITY_", "DATABASE_URL", "REDIS_URL")


@pytest.fixture(autouse=True)
def no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith(FAMILIES):
            monkeypatch.delenv(name)


def another(row: config.SettingRow) -> tuple[str, Any]:
    """A text for the environment that is not the default, and the value it stands for."""
    default = getattr(Settings(), row.attribute)
    special = {
        "http": "waitress",
        "mode": "service",
        "auth_driver": "signature",
        "database_url": "sqlite:///other",
        "worker_protocol_version": "1.7",
        "log_level": "debug",
        "metrics_access": "everybody",
        "bridge_adapter_secrets": "stripe=other",
        "task_queue_admission_overrides": '{"orders": {}}',
    }
    if row.attribute in special:
        return special[row.attribute], special[row.attribute]
    if isinstance(default, bool):
        return str(not default).lower(), not default
    if isinstance(default, int) or row.attribute in UNSET:
        return "17", 17
    return "other", "other"


def plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.attribute)
def test_a_setting_is_read_under_both_names(
    row: config.SettingRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, value = another(row)
    for name in (row.name, row.alias):
        with monkeypatch.context() as changed:
            changed.setenv(name, text)
            assert plain(getattr(config.load(), row.attribute)) == value, name


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.attribute)
def test_the_canonical_name_wins_and_an_empty_one_counts_as_absent(
    row: config.SettingRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, value = another(row)
    usual = plain(getattr(Settings(), row.attribute))
    monkeypatch.setenv(row.alias, text)
    monkeypatch.setenv(row.name, "")
    assert plain(getattr(config.load(), row.attribute)) == value

    if row.default:
        monkeypatch.setenv(row.name, row.default)
        assert plain(getattr(config.load(), row.attribute)) == usual


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_SERVER_PORT", "1")

    assert config.load(port=2, host=None).port == 2
    assert config.load(port=None).port == 1


def test_the_founding_names_keep_their_names() -> None:
    names = {row.name for row in ROWS}

    for name in FOUNDING:
        assert name in names or f"WORKFLOW_SERVER_{name}" in names, name


FOUNDING = (
    *("AUTH_DRIVER", "AUTH_TOKEN", "WORKER_TOKEN", "OPERATOR_TOKEN", "ADMIN_TOKEN"),
    *("AUTH_BACKWARD_COMPATIBLE", "SIGNATURE_KEY", "WORKER_SIGNATURE_KEY"),
    *("OPERATOR_SIGNATURE_KEY", "ADMIN_SIGNATURE_KEY", "WORKER_POLL_TIMEOUT"),
    *("DEFAULT_NAMESPACE", "MODE", "ID", "MAX_TASKS_PER_POLL", "WORKER_POLL_INTERVAL_MS"),
    *("WORKER_POLL_SIGNAL_CHECK_INTERVAL_MS", "WORKER_PROTOCOL_VERSION"),
    *("HISTORY_PAGE_SIZE_DEFAULT", "HISTORY_PAGE_SIZE_MAX", "COMPRESSION_ENABLED"),
    *("CALLER_TYPE_HEADER", "CALLER_LABEL_HEADER", "AUTH_STATUS_HEADER", "AUTH_METHOD_HEADER"),
    *("WORKFLOW_TASK_TIMEOUT", "ACTIVITY_TASK_TIMEOUT", "WORKFLOW_HISTORY_RETENTION_DAYS"),
    *("WORKFLOW_MAX_HISTORY_EVENTS", "WORKFLOW_MAX_PAYLOAD_BYTES", "WORKFLOW_MAX_MEMO_BYTES"),
    *("WORKFLOW_MAX_SEARCH_ATTRIBUTES", "WORKFLOW_MAX_PENDING_ACTIVITIES"),
    "WORKFLOW_MAX_PENDING_CHILDREN",
)


def test_names_that_are_no_setting_are_found() -> None:
    environment = {
        "WORKFLOW_SERVER_PROT": "1",
        "DW_SERVER_PORT": "1",
        "DW_ENV": "test",
        "WORKFLOW_SERVER_URL": "http://x",
        "WORKFLOW_SERVER_PORT": "1",
        "DW_PORT": "1",
        "PATH": "/bin",
    }

    assert config.unknown_names(environment) == ["DW_SERVER_PORT", "WORKFLOW_SERVER_PROT"]


def test_strict_mode_refuses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DW_PROT", "1")
    assert config.load().port == 8080

    monkeypatch.setenv("WORKFLOW_SERVER_ENV_AUDIT_STRICT", "1")
    with pytest.raises(SettingsDefect, match="DW_PROT"):
        config.load()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("WORKFLOW_SERVER_PORT", "http"),
        ("WORKFLOW_SERVER_PORT", "-1"),
        ("WORKFLOW_SERVER_PORT", "70000"),
        ("WORKFLOW_SERVER_HTTP", "gunicorn"),
        ("WORKFLOW_SERVER_MODE", "embedded"),
        ("WORKFLOW_SERVER_PROCESSES", "0"),
        ("WORKFLOW_SERVER_LANE_COUNT", "0"),
        ("WORKFLOW_SERVER_BATCH_MAX", "0"),
        ("WORKFLOW_SERVER_COMPRESSION_ENABLED", "perhaps"),
        ("WORKFLOW_SERVER_WORKER_POLL_TIMEOUT", "-1"),
        ("WORKFLOW_SERVER_WORKER_POLL_TIMEOUT", "61"),
        ("WORKFLOW_SERVER_HISTORY_PAGE_SIZE_MAX", "0"),
        ("WORKFLOW_TASK_TIMEOUT", "0"),
        ("ACTIVITY_TASK_TIMEOUT", "0"),
        ("WORKFLOW_MAX_PAYLOAD_BYTES", "0"),
        ("WORKFLOW_SERVER_LOG_LEVEL", "loud"),
        ("WORKFLOW_SERVER_WORKER_PROTOCOL_VERSION", "3.0"),
        ("WORKFLOW_SERVER_DEFAULT_NAMESPACE", "no spaces"),
        ("WORKFLOW_SERVER_CALLER_TYPE_HEADER", "no header"),
        ("DATABASE_URL", "mysql://root@localhost/db"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_a_defect(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    row = next(row for row in ROWS if row.name == name)

    with pytest.raises(SettingsDefect) as defect:
        config.load()
    assert row.name in str(defect.value)


def test_a_defect_does_not_show_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://root:hunter2@localhost/db")

    with pytest.raises(SettingsDefect) as defect:
        config.load()
    assert "hunter2" not in str(defect.value)


@pytest.mark.parametrize("row", [row for row in ROWS if row.secret], ids=lambda row: row.attribute)
def test_a_secret_is_not_shown_by_accident(
    row: config.SettingRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = {
        "database_url": "postgresql://u:hunter2@h/d",
        "bridge_adapter_secrets": "stripe=hunter2",
    }
    monkeypatch.setenv(row.name, forms.get(row.attribute, "redis://:hunter2@h"))

    assert "hunter2" not in repr(config.load())


@pytest.mark.parametrize("text", ["yes", "ture", "1", "on", "TRUE"])
def test_compatibility_survives_a_misspelled_word(text: str) -> None:
    assert Settings(auth_backward_compatible=text).auth_backward_compatible  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["false", "0", "no", "Off"])
def test_compatibility_ends_when_it_is_said(text: str) -> None:
    assert not Settings(auth_backward_compatible=text).auth_backward_compatible  # type: ignore[arg-type]


def test_keys_are_given_as_a_list_with_commas() -> None:
    settings = Settings(worker_token=SecretStr(" a, b ,,c"))

    assert settings.keys("worker_token") == ("a", "b", "c")
    assert settings.keys("admin_token") == ()
