"""Who a request comes from, as each driver tells it."""

import hashlib
import hmac
from typing import Any

import pytest
from durable_server.auth.drivers import (
    Credentials,
    Keys,
    OpenDriver,
    SignatureDriver,
    TokenDriver,
    driver_for,
    signed_text,
)
from durable_server.auth.principal import Principal
from durable_server.refusal import Refusal

NOW = 1_777_000_000.0
ROLE_KEYS: dict[str, tuple[str, ...]] = {
    "worker": ("w-key",),
    "operator": ("o-key",),
    "admin": ("a-key",),
}
BODY = b'{"workflow_type":"order"}'


def keys(
    roles: dict[str, tuple[str, ...]] | None = None,
    legacy: tuple[str, ...] = (),
    compat: bool = True,
) -> Keys:
    return Keys({} if roles is None else roles, legacy, compat)


def bearer(text: str) -> Credentials:
    return Credentials(
        "GET", b"/api/workflows", b"", {b"authorization": text.encode("latin-1")}, b""
    )


def body_signature(key: str, body: bytes = BODY) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def signed(signature: str, body: bytes = BODY) -> Credentials:
    return Credentials("POST", b"/api/workflows", b"", {b"x-signature": signature.encode()}, body)


def whole(key: str, nonce: str = "n-1", at: float = NOW, **changed: Any) -> Credentials:
    """A request signed whole, and then perhaps changed."""
    headers = {
        b"x-signature-timestamp": str(int(at)).encode(),
        b"x-signature-nonce": nonce.encode(),
    }
    made = Credentials("POST", b"/api/workflows", b"namespace=a", headers, BODY)
    signature = hmac.new(key.encode(), signed_text(made), hashlib.sha256).hexdigest()
    stated = {**headers, b"x-signature": f"v2={signature}".encode(), **changed.pop("headers", {})}
    values = {"method": made.method, "target": made.target, "body": made.body, **changed}
    path, _, query = values["target"].encode().partition(b"?")
    return Credentials(values["method"], path, query, stated, values["body"])


def refusal(driver: Any, credentials: Credentials) -> Refusal:
    with pytest.raises(Refusal) as refused:
        driver.authenticate(credentials)
    return refused.value


@pytest.mark.parametrize(
    ("key", "role"), [("w-key", "worker"), ("o-key", "operator"), ("a-key", "admin")]
)
def test_a_token_tells_the_role(key: str, role: str) -> None:
    driver = TokenDriver(keys(ROLE_KEYS))

    assert driver.authenticate(bearer(f"Bearer {key}")) == Principal(role, "token")
    assert driver.authenticate(bearer(f"bearer  {key} ")) == Principal(role, "token")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Bearer",
        "Bearer ",
        "w-key",
        "Basic w-key",
        "Bearer w-ke",
        "Bearer w-key2",
        "Bearer \xe9",
    ],
)
def test_anything_else_is_nobody(text: str) -> None:
    refused = refusal(TokenDriver(keys(ROLE_KEYS)), bearer(text))

    assert refused.reason == "unauthorized"
    assert refused.facts["detail"] == "Invalid or missing authentication token."


def test_a_legacy_token_alone_opens_everything() -> None:
    found = TokenDriver(keys(legacy=("old",))).authenticate(bearer("Bearer old"))

    assert found == Principal("admin", "token", full_access=True)
    assert found.may(frozenset({"worker"}))


@pytest.mark.parametrize("role", ["worker", "operator", "admin"])
def test_any_role_token_makes_the_legacy_token_an_administrator(role: str) -> None:
    driver = TokenDriver(keys({role: ("new",)}, ("old",)))
    found = driver.authenticate(bearer("Bearer old"))

    assert found == Principal("admin", "token")
    assert not found.may(frozenset({"worker"}))
    assert found.may(frozenset({"operator", "admin"}))


def test_without_compatibility_the_legacy_token_is_dead() -> None:
    driver = TokenDriver(keys({"worker": ("new",)}, ("old",), compat=False))

    assert refusal(driver, bearer("Bearer old")).reason == "unauthorized"
    assert driver.authenticate(bearer("Bearer new")).role == "worker"


@pytest.mark.parametrize("made", [keys(), keys(legacy=("old",), compat=False)])
@pytest.mark.parametrize(
    ("driver", "setting"),
    [
        (TokenDriver, "WORKFLOW_SERVER_AUTH_TOKEN"),
        (SignatureDriver, "WORKFLOW_SERVER_SIGNATURE_KEY"),
    ],
)
def test_a_driver_that_can_let_nobody_in_says_so(made: Keys, driver: Any, setting: str) -> None:
    refused = refusal(driver(made), bearer("Bearer old"))

    assert refused.reason == "server_error.configuration"
    assert setting in refused.facts["detail"]


def test_a_key_of_two_roles_is_the_earlier_ones() -> None:
    driver = TokenDriver(keys({"operator": ("same",), "worker": ("same",), "admin": ("same",)}))

    assert driver.authenticate(bearer("Bearer same")).role == "worker"


def test_several_keys_of_a_role_are_good_at_once() -> None:
    driver = TokenDriver(keys({"worker": ("before", "after")}, ("old-1", "old-2")))

    for key in ("before", "after"):
        assert driver.authenticate(bearer(f"Bearer {key}")).role == "worker"
    for key in ("old-1", "old-2"):
        assert driver.authenticate(bearer(f"Bearer {key}")).role == "admin"


@pytest.mark.parametrize("role", ["worker", "operator", "admin"])
def test_a_signature_of_the_body_tells_the_role(role: str) -> None:
    driver = SignatureDriver(keys(ROLE_KEYS))
    signature = body_signature(ROLE_KEYS[role][0])

    assert driver.authenticate(signed(signature)) == Principal(role, "signature")
    assert refusal(driver, signed(signature.upper())).reason == "unauthorized"
    assert refusal(driver, signed(signature, BODY + b" ")).reason == "unauthorized"


def test_a_request_without_a_body_is_signed_over_nothing() -> None:
    driver = SignatureDriver(keys(ROLE_KEYS))

    assert driver.authenticate(signed(body_signature("a-key", b""), b"")).role == "admin"


def test_a_missing_and_a_wrong_signature_are_told_apart() -> None:
    driver = SignatureDriver(keys(ROLE_KEYS))

    assert refusal(driver, signed("")).facts["detail"] == "Missing request signature."
    assert refusal(driver, signed("0" * 64)).facts["detail"] == "Invalid request signature."


def test_a_legacy_signature_key_follows_the_rules_of_the_legacy_token() -> None:
    request = signed(body_signature("old"))

    assert SignatureDriver(keys(legacy=("old",))).authenticate(request).full_access
    beside = SignatureDriver(keys(ROLE_KEYS, ("old",))).authenticate(request)
    assert beside == Principal("admin", "signature")
    dead = SignatureDriver(keys(ROLE_KEYS, ("old",), compat=False))
    assert refusal(dead, request).reason == "unauthorized"


def test_a_request_signed_whole_is_good_once() -> None:
    driver = SignatureDriver(keys(ROLE_KEYS), strict=True, clock=lambda: NOW)

    assert driver.authenticate(whole("o-key")) == Principal("operator", "signature")
    assert refusal(driver, whole("o-key")).reason == "unauthorized"
    assert driver.authenticate(whole("o-key", nonce="n-2")).role == "operator"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"target": "/api/workflows?namespace=b"},
        {"target": "/api/worker/register?namespace=a"},
        {"body": BODY + b" "},
        {"headers": {b"x-signature-nonce": b"n-9"}},
        {"headers": {b"x-signature-timestamp": str(int(NOW) + 1).encode()}},
        {"headers": {b"x-namespace": b"other"}},
    ],
)
def test_nothing_of_a_request_signed_whole_can_be_changed(change: dict[str, Any]) -> None:
    driver = SignatureDriver(keys(ROLE_KEYS), clock=lambda: NOW)

    assert refusal(driver, whole("o-key", **change)).reason == "unauthorized"


@pytest.mark.parametrize("offset", [-299, 0, 299])
def test_a_timestamp_within_the_window_is_good(offset: int) -> None:
    driver = SignatureDriver(keys(ROLE_KEYS), clock=lambda: NOW)

    assert driver.authenticate(whole("o-key", at=NOW + offset)).role == "operator"


@pytest.mark.parametrize("offset", [-302, 302, 10**9])
def test_a_timestamp_outside_the_window_is_not(offset: int) -> None:
    driver = SignatureDriver(keys(ROLE_KEYS), clock=lambda: NOW)

    assert refusal(driver, whole("o-key", at=NOW + offset)).reason == "unauthorized"


@pytest.mark.parametrize("nonce", ["", "x" * 129])
def test_a_nonce_is_needed_and_bounded(nonce: str) -> None:
    driver = SignatureDriver(keys(ROLE_KEYS), clock=lambda: NOW)

    assert refusal(driver, whole("o-key", nonce=nonce)).reason == "unauthorized"


def test_a_nonce_of_a_forged_request_is_not_used_up() -> None:
    driver = SignatureDriver(keys(ROLE_KEYS), clock=lambda: NOW)

    assert refusal(driver, whole("forged")).reason == "unauthorized"
    assert driver.authenticate(whole("o-key")).role == "operator"


def test_strict_mode_takes_only_whole_signatures() -> None:
    driver = SignatureDriver(keys(ROLE_KEYS), strict=True, clock=lambda: NOW)

    assert refusal(driver, signed(body_signature("o-key"))).reason == "unauthorized"
    assert driver.authenticate(whole("o-key")).role == "operator"


def test_the_open_driver_lets_everybody_do_everything() -> None:
    found = OpenDriver().authenticate(bearer(""))

    assert (found.role, found.full_access) == ("admin", True)


@pytest.mark.parametrize(
    ("name", "kind"), [("token", TokenDriver), ("signature", SignatureDriver), ("none", OpenDriver)]
)
def test_drivers_are_found_by_name(name: str, kind: type) -> None:
    assert isinstance(driver_for(name, lambda _: keys(ROLE_KEYS), False), kind)


def test_a_driver_that_nobody_knows_refuses_everybody() -> None:
    driver = driver_for("ldap", lambda _: keys(ROLE_KEYS), False)

    refused = refusal(driver, bearer("Bearer a-key"))
    assert refused.reason == "server_error.configuration"
    assert refused.facts["detail"] == "Unknown auth driver: ldap"


@pytest.mark.parametrize("sent", ["Bearer w-key", "Bearer wrong"])
def test_every_key_is_compared_in_constant_time_whichever_is_sent(
    monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    compared: list[bytes] = []
    genuine = hmac.compare_digest

    def watched(first: Any, second: Any) -> bool:
        compared.append(second)
        return genuine(first, second)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    driver = TokenDriver(keys(ROLE_KEYS, ("old",)))
    try:
        driver.authenticate(bearer(sent))
    except Refusal:
        assert sent == "Bearer wrong"

    assert compared == [b"w-key", b"o-key", b"a-key", b"old"]
