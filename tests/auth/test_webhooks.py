"""Signatures of webhooks."""

import base64
import hashlib
import hmac

import pytest
from durable_server.auth.drivers import SIGNATURE_AGE_SECONDS_MAX, Credentials
from durable_server.auth.webhooks import WebhookSecrets
from durable_server.config import SettingsDefect, load

NOW = 1_700_000_000
BODY = b'{"action":"start_workflow"}'
SECRET = "s3cret"


def signed(secret: bytes, stamp: int = NOW, body: bytes = BODY, sent: bytes = BODY) -> Credentials:
    text = b".".join((b"msg-1", str(stamp).encode(), body))
    digest = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest())
    headers = {
        b"webhook-id": b"msg-1",
        b"webhook-timestamp": str(stamp).encode(),
        b"webhook-signature": b"v1,other v1," + digest,
    }
    return Credentials("POST", b"/hook", b"", headers, sent)


def test_an_adapter_without_a_secret_needs_no_signature() -> None:
    unsigned = Credentials("POST", b"/hook", b"", {}, BODY)

    assert WebhookSecrets(["git=s"]).defect("shop", unsigned, NOW) is None
    assert WebhookSecrets(["git=s"]).defect("git", unsigned, NOW) == "The event is not signed."
    assert WebhookSecrets(["*=s"]).defect("shop", unsigned, NOW) == "The event is not signed."


def test_a_signature_with_any_secret_of_the_adapter_fits() -> None:
    secrets = WebhookSecrets([f"git={SECRET}", "git=next", "*=every"])

    assert secrets.defect("git", signed(b"s3cret"), NOW) is None
    assert secrets.defect("git", signed(b"next"), NOW) is None
    assert secrets.defect("git", signed(b"every"), NOW) is not None
    assert secrets.defect("shop", signed(b"every"), NOW) is None


def test_a_secret_may_be_encoded_as_the_convention_has_it() -> None:
    encoded = base64.b64encode(b"raw bytes").decode()

    assert WebhookSecrets([f"git=whsec_{encoded}"]).defect("git", signed(b"raw bytes"), NOW) is None


def test_a_signature_is_for_one_body() -> None:
    changed = signed(b"s3cret", sent=BODY + b" ")

    assert WebhookSecrets([f"git={SECRET}"]).defect("git", changed, NOW) is not None


@pytest.mark.parametrize("seconds", [-1, 1])
def test_a_signature_is_good_for_a_while(seconds: int) -> None:
    secrets = WebhookSecrets([f"git={SECRET}"])
    last = NOW + seconds * SIGNATURE_AGE_SECONDS_MAX

    assert secrets.defect("git", signed(b"s3cret", last), NOW) is None
    assert secrets.defect("git", signed(b"s3cret", last + seconds), NOW) is not None


@pytest.mark.parametrize("stamp", [b"", b"-1", b"1e3", b"9" * 30, "\uff11".encode()])
def test_a_timestamp_that_is_none_is_not_taken(stamp: bytes) -> None:
    sent = signed(b"s3cret")
    headers = {**sent.headers, b"webhook-timestamp": stamp}

    defect = WebhookSecrets([f"git={SECRET}"]).defect("git", sent._replace(headers=headers), NOW)

    assert defect is not None


@pytest.mark.parametrize("text", ["git", "=secret", "git=", "git=whsec_%%"])
def test_an_entry_that_is_none_refuses_the_start_without_saying_its_secret(text: str) -> None:
    with pytest.raises(SettingsDefect) as told:
        load(bridge_adapter_secrets=text)

    assert "secret" not in str(told.value).replace("bridge_adapter_secrets", "").replace(
        "adapter=secret", ""
    )
