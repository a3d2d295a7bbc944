"""The settings of who reads metrics, where, and how many values they tell apart."""

from typing import Literal

from pydantic_settings import BaseSettings

from durable_server.setting import setting


class MetricsSettings(BaseSettings):
    """A part of the settings."""

    metrics_access: Literal["operators", "everybody", "nobody"] = setting(
        "operators", "Who may read `/metrics` on the port of the API."
    )
    metrics_port: int | None = setting(
        None,
        "Port on which whoever reaches it reads `/metrics`; unset: there is none.",
        ge=0,
        le=65535,
    )
    metrics_host: str = setting("", "Address of that port; empty: that of the API.")
    metrics_labels_max: int = setting(
        100,
        "Most namespaces, and most task queues, that metrics tell apart.",
        unit="values",
        ge=1,
        le=10_000,
    )
