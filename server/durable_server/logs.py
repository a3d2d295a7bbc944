"""Logs as one JSON object a line; never with secrets or payloads."""

import json
import logging
import sys

from durable_server.clock import SystemClock, to_micro_text

# Only these are written, so that nothing secret gets into a log with a careless fact.
_FACTS = (
    *("request_id", "method", "route", "status", "reason", "namespace", "run_id", "task_id"),
    *("pass", "row", "rows", "intent", "error"),
    *("limit_kind", "current_value", "configured_limit"),
)


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object."""

    _clock = SystemClock()

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        line = {
            "at": to_micro_text(self._clock.now()),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update({k: record.__dict__[k] for k in _FACTS if k in record.__dict__})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up(level: str) -> None:
    """Send every log of the process to standard error, as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
