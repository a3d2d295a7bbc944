"""What ends a command before its purpose: one exception, and the exit statuses."""

from dataclasses import dataclass, field

OK = 0
FAILURE = 1
USAGE = 2
NETWORK = 3
AUTH = 4
NOT_FOUND = 5
SERVER = 6
TIMEOUT = 7
COMPATIBILITY = 8
INTERRUPTED = 130

_STATUSES = {
    400: USAGE,
    401: AUTH,
    403: AUTH,
    404: NOT_FOUND,
    405: COMPATIBILITY,
    408: TIMEOUT,
    413: USAGE,
    415: COMPATIBILITY,
    422: USAGE,
    504: TIMEOUT,
}
# Reasons that say more than their status: the server and this program do not fit together.
_REASONS = {
    "missing_control_plane_version": COMPATIBILITY,
    "unsupported_control_plane_version": COMPATIBILITY,
    "not_found": COMPATIBILITY,
    "update_failed": FAILURE,
    "update_rejected": FAILURE,
}


@dataclass
class Problem(Exception):
    """Why a command ends early: a text, an exit status, and what the server's refusal says."""

    message: str
    code: int = FAILURE
    remedy: str | None = None
    reason: str | None = None
    status: int | None = None
    request_id: str | None = None
    # Offending fields: JSON pointer and text.
    fields: list[tuple[str, str]] = field(default_factory=list)
    # The server's refusal as it came, for machine-readable output.
    body: dict[str, object] | None = None

    def __str__(self) -> str:
        return self.message


def code_of(status: int, reason: str | None) -> int:
    """The exit status for a refusal with this HTTP status and reason."""
    if reason in _REASONS:
        return _REASONS[reason]
    if status in _STATUSES:
        return _STATUSES[status]
    return SERVER if status >= 500 else FAILURE
