"""The settings of traces, by the names that OpenTelemetry gives them everywhere."""

from pydantic_settings import BaseSettings

from durable_server.setting import setting


class TracingSettings(BaseSettings):
    """A part of the settings. What else OpenTelemetry reads, its library reads by itself."""

    otel_exporter_otlp_endpoint: str = setting(
        "",
        "Collector that traces are sent to over HTTP, without `/v1/traces`; unset: no traces.",
        name="OTEL_EXPORTER_OTLP_ENDPOINT",
    )
    otel_exporter_otlp_traces_endpoint: str = setting(
        "",
        "The same with its whole path, for traces alone.",
        name="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    )
    otel_service_name: str = setting(
        "durable-workflow-server", "Name of the server in traces.", name="OTEL_SERVICE_NAME"
    )
    otel_sdk_disabled: bool = setting(
        False, "Whether no traces are sent all the same.", name="OTEL_SDK_DISABLED"
    )

    @property
    def traces_endpoint(self) -> str | None:
        """Where traces go; None: nowhere."""
        if self.otel_sdk_disabled:
            return None
        if self.otel_exporter_otlp_traces_endpoint:
            return self.otel_exporter_otlp_traces_endpoint
        base = self.otel_exporter_otlp_endpoint.rstrip("/")
        return f"{base}/v1/traces" if base else None
