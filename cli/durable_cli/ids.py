"""Names that this program makes up."""

from uuid import uuid4


def request_id() -> str:
    """A name for one request, under which repeating it changes nothing."""
    return f"dw-{uuid4().hex}"
